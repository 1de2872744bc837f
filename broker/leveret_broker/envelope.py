"""Envelopes: what crosses the broker, one frozen struct per message kind.

Structs are arrays on the wire: new fields go to the end and have a default.
"""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from leveret_broker.address import MailboxQueue
from leveret_broker.codec import Payload
from leveret_broker.errors import DecodeError
from leveret_broker.outcome import Failure, Outcome

FORMAT: int = 1
"""Version of the wire and journal format."""


class _Message(msgspec.Struct, frozen=True, array_like=True, omit_defaults=True):
    pass


class ClientCaller(_Message, frozen=True, tag="cl"):
    """A client that waits for an `Answer` under `request`."""

    client: str
    request: str


class WorkflowCaller(_Message, frozen=True, tag="wf"):
    """A running instance that waits for the outcome of its command `number`."""

    queue: MailboxQueue
    instance: str
    run: str
    number: int
    workflow: str = ""
    method: str = ""
    sequence: int = 0
    """Which of its retries by an operator waits."""


Caller: TypeAlias = ClientCaller | WorkflowCaller


# -- to an instance ---------------------------------------------------------------------------------------------------


class Start(_Message, frozen=True, tag="start"):
    """Begin a run; the envelope's id decides the run id (`run_of`)."""

    method: str
    arguments: Payload
    """Payload of a mapping: parameter name to value."""
    caller: Caller | None = None
    """Who waits for the outcome."""
    tags: tuple[str, ...] = ()
    unique_tag: str = ""
    meta: dict[str, str] = {}
    on_conflict: str = "existing"
    """While a run is open: `existing` or `fail`."""
    on_closed: str = "existing"
    """After the last run has closed: `existing`, `new` or `fail`."""
    timeout: float = 0.0
    """Workflow timeout in seconds; 0 is none."""
    version: int = 0
    """Wanted version; 0 is the highest that the owner has."""
    parent: WorkflowCaller | None = None
    acknowledge: Caller | None = None
    """Who wants a `Started` answer as soon as the start is committed."""


class Signal(_Message, frozen=True, tag="signal"):
    """One value for a channel."""

    channel: str
    value: Payload
    patient: bool = False
    """Wait up to a minute for an instance that is not there yet, instead of being discarded at once."""


class Call(_Message, frozen=True, tag="call"):
    """Run a method of a running instance beside what runs."""

    method: str
    arguments: Payload
    caller: Caller | None = None
    patient: bool = False
    """Wait up to a minute for an instance that is not there yet, instead of being refused at once."""


class Query(_Message, frozen=True, tag="query"):
    """Answer with what a read-only method returns; the instance may be running, failed or closed."""

    method: str
    arguments: Payload
    caller: Caller


class Ended(_Message, frozen=True, tag="ended"):
    """The outcome of command `number` of the envelope's run: a task, a child, a call."""

    number: int
    outcome: Outcome
    attempt: int = 0
    worker: str = ""
    sequence: int = 0
    """Of a task: which of its retries by an operator ended; that of an earlier one is dropped."""


class Cancel(_Message, frozen=True, tag="cancel"):
    """Cancel the instance, one of its methods (`method` is a method id) or one command."""

    method: str = ""
    number: int = -1
    reason: str = ""
    force: bool = False
    """End the instance without running its code."""
    caller: ClientCaller | None = None
    """Who wants to know what was `Done`."""


class RetryTasks(_Message, frozen=True, tag="retry"):
    """Send tasks that ended without a value again, under their ids; resumes an instance that failed by one of them."""

    task_ids: tuple[str, ...] = ()
    """Only these; empty is all."""
    statuses: tuple[str, ...] = ()
    """Only with one of these; empty is `failed` and `timed_out`, and with `task_ids` any."""
    services: tuple[str, ...] = ()
    caller: ClientCaller | None = None


class RetryWorkflow(_Message, frozen=True, tag="rework"):
    """Run the turn again in which the instance failed, or what blocks it: its code has been mended."""

    caller: ClientCaller | None = None


class CompleteTimers(_Message, frozen=True, tag="timers"):
    """Fire the pending timers now."""

    method: str = ""
    """Only those of the method with this id; empty is all."""
    caller: ClientCaller | None = None


class AwaitResult(_Message, frozen=True, tag="await"):
    """Answer with the outcome of the envelope's run (the last one, when empty) as soon as there is one."""

    caller: Caller
    method: str = ""
    """Method id; empty for the main method."""


class Describe(_Message, frozen=True, tag="describe"):
    """Answer with a `Description` of the instance."""

    caller: ClientCaller


class ReadHistory(_Message, frozen=True, tag="history"):
    """Answer with a page of journal records, the first being number `after` + 1."""

    caller: ClientCaller
    after: int = 0
    limit: int = 100


class Wake(_Message, frozen=True, tag="wake"):
    """Nothing: makes the receiver the queue's owner."""


# -- to a tag ---------------------------------------------------------------------------------------------------------


class TagJoin(_Message, frozen=True, tag="join"):
    """Make (instance, run) a member; `firm` when sent by the instance's first turn."""

    instance: str
    run: str
    firm: bool = False


class TagLeave(_Message, frozen=True, tag="leave"):
    """Take (instance, run) off; also frees a unique tag that it holds."""

    instance: str
    run: str


class TagClaim(_Message, frozen=True, tag="claim"):
    """Start the instance if nobody holds this unique tag, else answer with the holder."""

    instance: str
    run: str
    start: bytes
    """The encoded envelope of the `Start`, sent on by the tag."""
    caller: Caller | None = None
    """Who gets a `Started` answer when the tag is taken."""
    on_conflict: str = "existing"


class TagPass(_Message, frozen=True, tag="pass"):
    """Pass an envelope on to an instance, behind a claim that may still be starting it."""

    instance: str
    envelope: bytes


class TagFan(_Message, frozen=True, tag="fan"):
    """Send a message to every member that joined before this."""

    message: Signal | Cancel | Call | RetryTasks | RetryWorkflow | CompleteTimers
    caller: ClientCaller | None = None
    """Who gets `Fanned` when the last page is out."""


class TagMembers(_Message, frozen=True, tag="members"):
    """Answer with a `MembersPage`."""

    caller: ClientCaller
    after: int = 0
    """Join number after which the page begins."""
    limit: int = 1000


class TagProbed(_Message, frozen=True, tag="probed"):
    """An instance's answer to the question whether this run exists."""

    instance: str
    run: str
    known: bool


class Probe(_Message, frozen=True, tag="probe"):
    """A tag asks an instance's mailbox whether the run exists; answered with `TagProbed`."""

    queue: MailboxQueue
    tag: str
    run: str


# -- to a service -----------------------------------------------------------------------------------------------------


class Task(_Message, frozen=True, tag="task"):
    """One call of a service."""

    task_id: str
    service: str
    name: str
    arguments: Payload
    caller: WorkflowCaller | ClientCaller | None = None
    """Where the outcome goes; None when nobody waits."""
    attempt: int = 1
    """Counts from 1; rises with each failed attempt."""
    sequence: int = 0
    """How many times an operator had the whole task retried."""
    not_before: float = 0.0
    """Unix time before which a worker sends it up the ladder again."""
    deadline: float = 0.0
    """Unix time of the contract timeout; 0 is none."""
    tags: tuple[str, ...] = ()
    meta: dict[str, str] = {}
    workflow: str = ""
    instance: str = ""
    run: str = ""
    last_failure: Failure | None = None


# -- to every node (control) ------------------------------------------------------------------------------------------


class CancelTask(_Message, frozen=True, tag="untask"):
    """Stop this task where it runs, or drop it when it comes."""

    task_id: str
    """With its sequence (`sequence_key`): an operator's retry of a cancelled task runs."""
    until: float
    """Unix time after which nobody needs to remember this."""


# -- to a client ------------------------------------------------------------------------------------------------------


class Answer(_Message, frozen=True, tag="answer"):
    """The outcome somebody waits for."""

    outcome: Outcome


class Started(_Message, frozen=True, tag="started"):
    """The start was committed, or found another run."""

    instance: str
    run: str
    new: bool
    conflict: bool = False
    """True: refused, `on_conflict` or `on_closed` was `fail`."""


class Description(_Message, frozen=True, tag="description"):
    """What `describe` shows; `found` is False for an instance that does not exist."""

    found: bool
    data: dict[str, object] = {}
    """JSON-like: status, reason, version, run, tags, meta, methods, pending, signals, times."""


class HistoryPage(_Message, frozen=True, tag="page"):
    """Some journal records, encoded; `more` when there are others."""

    records: tuple[bytes, ...]
    more: bool


class Fanned(_Message, frozen=True, tag="fanned"):
    """A fan-out is done."""

    members: int


class MembersPage(_Message, frozen=True, tag="mpage"):
    """Members by join number."""

    members: tuple[tuple[int, str, str], ...]
    """Join number, instance, run."""
    more: bool


class Done(_Message, frozen=True, tag="done"):
    """What a verb did."""

    found: bool
    """False: there is no such instance."""
    count: int
    """Instances, tasks or timers that it reached; 0 is nothing to do."""
    text: str
    """The same for people, with the reason when there was nothing to do."""
    status: str = ""
    """Of the instance, after the verb."""


class Refused(_Message, frozen=True, tag="refused"):
    """The request cannot be served; `text` says why and what to do."""

    kind: str
    text: str


Message: TypeAlias = (
    Start | Signal | Call | Query | Ended | Cancel | RetryTasks | RetryWorkflow | CompleteTimers
    | AwaitResult | Describe | ReadHistory | Wake | Probe
    | TagJoin | TagLeave | TagClaim | TagPass | TagFan | TagMembers | TagProbed
    | Task | CancelTask
    | Answer | Started | Description | HistoryPage | Fanned | MembersPage | Done | Refused
)  # fmt: skip


class Envelope(msgspec.Struct, frozen=True, array_like=True, omit_defaults=True):
    """A message with its address label."""

    id: str
    """Message id: receivers drop a second one. Answers carry the request's id."""
    actor: str
    """Actor key: the instance, or `<workflow>/<tag>`; empty for services, clients and control."""
    message: Message
    run: str = ""
    """The run it is meant for; empty is whichever is open. Another run drops it."""
    sent: float = 0.0
    """Unix time of the sender."""
    headers: dict[str, str] = {}
    """Trace context."""
    format: int = FORMAT


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Envelope)


def encode(envelope: Envelope) -> bytes:
    """Return the body that a transport carries."""
    return _encoder.encode(envelope)


def decode(body: bytes) -> Envelope:
    """Return the envelope in `body`; raises `DecodeError` for anything else, and for a newer format."""
    try:
        envelope = _decoder.decode(body)
    except (msgspec.DecodeError, ValueError, TypeError, RecursionError) as error:
        text = f"not an envelope: {error}"
        raise DecodeError(text) from error
    if envelope.format > FORMAT:
        text = f"the envelope has format {envelope.format}, this node reads up to {FORMAT}: upgrade it"
        raise DecodeError(text)
    return envelope
