"""The journal of a run: one record per turn, the only truth about an instance.

Structs are arrays: new fields go to the end and have a default.
"""

from __future__ import annotations

from typing import Final, TypeAlias

import msgspec

from leveret_broker.codec import Payload
from leveret_broker.envelope import FORMAT, Caller, WorkflowCaller
from leveret_broker.errors import DecodeError
from leveret_broker.outcome import Failure, Outcome

FOLDED_FORMAT: Final = FORMAT + 1
"""Format of records that stand for several turns: a node that would take one for an empty turn must not read it."""


class _Event(msgspec.Struct, frozen=True, array_like=True, omit_defaults=True):
    pass


class Begun(_Event, frozen=True, tag="b"):
    """The run was started."""

    run: str
    method: str
    arguments: Payload
    digest: bytes
    tags: tuple[str, ...] = ()
    unique_tag: str = ""
    meta: dict[str, str] = {}
    caller: Caller | None = None
    parent: WorkflowCaller | None = None
    timeout: float = 0.0
    """As the start asked for; 0 is the definition's."""
    version: int = 0
    """As the start asked for; 0 is the highest known."""
    passed: tuple[bytes, ...] = ()
    """Digests of what stood before the start in its batch and found nobody: a redelivery must not change that."""
    remembered: tuple[tuple[bytes, float], ...] = ()
    """Digests of what runs before this one had got, and when: a redelivery is dropped by this one as well."""


class Called(_Event, frozen=True, tag="m"):
    """A method was called beside what runs."""

    method: str
    arguments: Payload
    digest: bytes
    caller: Caller | None = None

    @property
    def id(self) -> str:
        """Method id."""
        return self.digest.hex()


class SignalAccepted(_Event, frozen=True, tag="s"):
    """A signal came; whether its channel can take it shows when it is applied."""

    channel: str
    value: Payload
    digest: bytes


class CommandEnded(_Event, frozen=True, tag="e"):
    """The outcome of a command came."""

    number: int
    outcome: Outcome
    digest: bytes
    attempt: int = 0
    worker: str = ""
    sequence: int = 0
    """Which of its retries by an operator ended."""


class TimerFired(_Event, frozen=True, tag="t"):
    """The durable timer of a command is due; number 0 is the workflow timeout."""

    number: int


class CancelRequested(_Event, frozen=True, tag="c"):
    """Somebody wants the instance, or one of its commands, cancelled."""

    digest: bytes
    number: int = -1
    reason: str = ""
    force: bool = False
    """The instance ends without its code."""
    method: str = ""
    """Method id; empty with no number is all methods."""


class TasksRetried(_Event, frozen=True, tag="r"):
    """An operator had tasks sent again; the code goes on as if they had never ended, where it has not looked yet."""

    digest: bytes
    numbers: tuple[int, ...]


class TimersCompleted(_Event, frozen=True, tag="f"):
    """An operator had the pending timers fire."""

    digest: bytes
    method: str = ""
    """Only those of this method."""


class Rewound(_Event, frozen=True, tag="v"):
    """An operator had a failed instance resumed: the turns from `record` on are void, see `course_of`."""

    digest: bytes
    record: int
    """The first turn that is void: the one in which the failure was applied."""
    numbers: tuple[int, ...] = ()
    """Tasks that are sent again, under their numbers."""
    last: int = 0
    """The highest command number given away: what is issued from here on gets higher ones."""


class ResultAwaited(_Event, frozen=True, tag="w"):
    """Somebody waits for the outcome."""

    caller: Caller
    digest: bytes
    method: str = ""
    """Method id; empty for the main method."""


class GivenUp(_Event, frozen=True, tag="g"):
    """The node stopped running this instance, to protect the others."""

    reason: str


Event: TypeAlias = (
    Begun | Called | SignalAccepted | CommandEnded | TimerFired | CancelRequested | ResultAwaited | GivenUp
    | TasksRetried | TimersCompleted | Rewound
)  # fmt: skip


class Child(msgspec.Struct, frozen=True, array_like=True, omit_defaults=True):
    """Who a child is, so that it can be found without running its parent's code."""

    instance: str
    run: str
    """What the start makes; an instance that was there before has another."""
    unique_tag: str = ""
    """The start goes through it, and whatever must not overtake the start."""
    detached: bool = False


class Command(msgspec.Struct, frozen=True, array_like=True, omit_defaults=True):
    """Something that the code asked for."""

    kind: str
    """`task`, `timer`, `receive`, `child`, `call`, `signal`, `cancel`, `verb`, `inline`, `TAGGING`, and `PATCHES`."""
    number: int
    """From 1 on, in the order of asking; 0 for markers of patches."""
    name: str = ""
    digest: bytes = b""
    """Of the arguments, with `check="strict"`."""
    value: Payload | Failure | None = None
    """What an `inline` function returned or raised."""
    child: Child | None = None
    """For a child."""


class MethodEnded(msgspec.Struct, frozen=True, array_like=True):
    """How a method other than the main one ended."""

    id: str
    outcome: Outcome


class Attribute(msgspec.Struct, frozen=True, array_like=True, omit_defaults=True):
    """One attribute of the workflow object."""

    name: str
    value: Payload
    annotated: bool = False
    """Decoded by the annotation in the class body; else the value tells its type, see `values.plain`."""


class Kept(msgspec.Struct, frozen=True, array_like=True):
    """How a method of a fold ended, for who asks again."""

    id: str
    name: str
    outcome: Outcome


class Folded(msgspec.Struct, frozen=True, array_like=True, omit_defaults=True):
    """What is left of turns in which only methods ran that were called and ended there."""

    turns: int
    """How many; the record has the number and the clock of the last one."""
    since: float
    """Clock of the first one."""
    calls: dict[str, int]
    """How many methods were called, by name."""
    attributes: tuple[Attribute, ...]
    """Those of the workflow object that they changed, as they were in the end."""
    removed: tuple[str, ...]
    """Attributes that were there before, and not in the end."""
    last: int
    """The highest command number given away."""
    created: int
    """Tasks and futures made on the loop: their hashes go on from here."""
    remembered: tuple[tuple[bytes, float], ...] = ()
    """Digests of the messages that came in these turns, and when, oldest first."""
    kept: tuple[Kept, ...] = ()
    """The last outcomes, oldest first."""


Applied: TypeAlias = Event | Folded
"""What is applied before the code runs: a fold only where a rewind has made its turns void."""


class Record(msgspec.Struct, frozen=True, array_like=True, omit_defaults=True):
    """One turn, or a fold of several."""

    number: int
    """Counts from 1; numbers of turns that were folded are missing."""
    at: float
    """Clock of the turn."""
    version: int
    """Of the code that ran; 0 when none did."""
    events: tuple[Event, ...] = ()
    """As accepted, in order."""
    commands: tuple[Command, ...] = ()
    completion: Outcome | None = None
    """How the main method ended in this turn."""
    ran: bool = True
    """False: the events wait for the next record that ran, which applies them before its own."""
    format: int = FORMAT
    withdrawn: tuple[int, ...] = ()
    """Tasks that were cancelled in this turn where they run."""
    ended: tuple[MethodEnded, ...] = ()
    """Other methods that ended in this turn, in the order in which they were called."""
    folded: Folded | None = None
    """The record stands for several turns; of the other fields `number`, `at` and `version` say something then."""

    @property
    def entries(self) -> int:
        """Events and commands; a fold counts as one."""
        return 1 if self.folded is not None else len(self.events) + len(self.commands)


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Record)


def encode(record: Record) -> bytes:
    """Return the bytes that the store keeps."""
    return _encoder.encode(record)


def decode(data: bytes) -> Record:
    """Return the record; raises `DecodeError` for anything else, and for a newer format."""
    try:
        record = _decoder.decode(data)
    except (msgspec.DecodeError, ValueError) as error:
        raise DecodeError(f"not a journal record: {error}") from error
    if record.format > FOLDED_FORMAT:
        text = f"the journal record has format {record.format}, this node reads up to {FOLDED_FORMAT}: upgrade it"
        raise DecodeError(text)
    return record
