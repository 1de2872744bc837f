"""What the journal of an instance implies of its events: a second opinion, which shares no code with their teller.

The journal does not say which signals found nobody, nor which timers and calls the code took back: of the latter only
that is checked which must hold of any. Tags and lengths are left out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence, Sized
from dataclasses import dataclass, field
from typing import Final, NamedTuple, TypeAlias

from leveret import events
from leveret.events import WorkflowEvent
from leveret_actors.workflow.journal import (
    Begun,
    Called,
    Command,
    CommandEnded,
    Event,
    Folded,
    GivenUp,
    Record,
    Rewound,
    SignalAccepted,
    TasksRetried,
    TimerFired,
    TimersCompleted,
)
from leveret_broker.ids import message_digest
from leveret_broker.outcome import Completed, Failed, Outcome, status_of

Label: TypeAlias = tuple[str, object]
"""Type of an event, and what it is about: number of a command, id of a method, channel."""

UNSAID: Final = frozenset({"signalDiscarded", "tagsAdded", "tagsRemoved", "journalLong"})
_FAMILIES: Final = {"task": "task", "timer": "timer", "child": "remoteMethod", "call": "remoteMethod"}
"""Of commands that are told of, by kind."""
_ENDS: Final = {"completed": "Completed", "failed": "Failed", "cancelled": "Cancelled", "timed_out": "TimedOut",
                "unknown": "Failed"}  # fmt: skip
_UNREADABLE: Final = "leveret_broker.errors.DecodeError"
_AT_LARGE: Final = frozenset({"timer", "call"})
"""Kinds that the code takes back without a word in the journal."""


def label_of(event: WorkflowEvent) -> Label:
    """Return what the oracle knows of an event; a result that cannot be read is one in the journal."""
    match event:
        case events.TaskFailed(number=about, failure=failure) if failure.type == _UNREADABLE:
            return "taskCompleted", about
        case events.CommandEvent(number=about):
            return event.type, about
        case events.MethodEvent(method_id=about):
            return event.type, about
        case events.SignalReceived(channel=about):
            return event.type, about
        case _:
            return event.type, ""


class Asked(NamedTuple):
    """A command that has not ended."""

    command: Command
    sequence: int = 0


@dataclass
class Course:
    """What a rewind takes back."""

    status: str = ""
    main: Outcome | None = None
    calls: set[str] = field(default_factory=set[str])
    open: dict[int, Asked] = field(default_factory=dict[int, Asked])
    ended: dict[int, Asked] = field(default_factory=dict[int, Asked])
    unrun: list[Event] = field(default_factory=list[Event])

    def copied(self) -> Course:
        """Return one that goes its own way from here."""
        tables = dict(self.open), dict(self.ended)
        return Course(self.status, self.main, set(self.calls), *tables, list(self.unrun))


class Oracle:
    """Follows the journal of one instance."""

    def __init__(self) -> None:
        self._run = ""
        self._labels: list[Label] = []
        """What was told, but for what was taken back."""
        self._begin("")

    def _begin(self, run: str) -> None:
        self._before, self._run = self._run, run
        self._now = Course()
        self._pasts: dict[int, Course] = {}
        """What was before a record."""
        self._records: list[Record] = []
        self._told: set[tuple[int, int]] = set()
        """Numbers and sequences of commands whose end was told: a rewind does not make it happen again."""
        self._back: set[tuple[int, int]] = set()
        """Those of them that the code took back: a rewind may."""
        self._parts: list[list[Label]] = []

    def disagrees(self, records: Iterable[Record], told: Iterable[WorkflowEvent]) -> str:
        """Say where what a commit tells is not what its records imply; empty where they agree."""
        listed = list(records)
        labels = [label_of(event) for event in told if event.type not in UNSAID]
        if any(isinstance(event, Begun) and self._goes_on(event) for record in listed for event in record.events):
            return self._renewed(listed, labels)
        self._labels = labels
        parts = [part for record in listed for part in self._turn(record)]
        folds = any(record.folded is not None for record in listed)
        completes = any(isinstance(event, TimersCompleted) for record in listed for event in record.events)
        if folds or completes:  # which timers an operator completed, and how those of folds ended, is not journalled
            for label in labels:
                if label[0] == "timerCompleted":
                    self._now.open.pop(int(str(label[1])), None)
            labels = [label for label in labels if label[0] != "timerCompleted"]
            parts = [[label for label in part if label[0] != "timerCompleted"] for part in parts]
        if folds:
            labels = [label for label in map(_in_fold, labels) if label is not None]
        elif ("unblocked", "") in labels[:2] and labels[0][0] == "retryRequested" and parts[0] != labels[:1]:
            del labels[0]  # the verb that has code run again leaves no record of its own
        wanted = [label for part in parts for label in part]
        if _in_parts(labels, parts) == _in_parts(wanted, parts):
            return ""
        return f"told was {labels}, the journal implies {wanted}"

    def _renewed(self, records: Iterable[Record], labels: list[Label]) -> str:
        """The last record of the run before is not kept; this one's begins after its end."""
        for record in records:
            self._turn(record)
        return "" if labels[-2:] == [("continued", ""), ("dispatched", "")] else f"a new run is told as {labels}"

    def _take_back(self) -> None:
        """Take from the labels what the code took back of what is open, and the journal does not say."""
        for label in list(self._labels):
            kind, about = label
            asked = self._now.open.get(about) if isinstance(about, int) else None
            if asked is None or kind not in {"timerCancelled", "remoteMethodCancelled"}:
                continue
            if asked.command.kind in _AT_LARGE:
                self._labels.remove(label)
                self._end(asked.command.number, "cancelled")
                self._back.add((asked.command.number, asked.sequence))

    def _turn(self, record: Record) -> list[list[Label]]:
        """Return the events of a turn, in parts that follow each other; inside of one no order is implied."""
        self._parts = []
        if record.folded is not None:
            self._fold(record, record.folded)
        for event in record.events:
            self._arrived(event)
        self._pasts.setdefault(record.number, self._now.copied())
        self._records.append(record)
        self._take_back()
        self._now.unrun += record.events
        if record.ran and record.folded is None:
            self._ran(record)
        self._take_back()
        for identity, outcome in self._method_ends(record):
            self._say(f"method{_ENDS[status_of(outcome)]}", identity)
        self._status(record)
        return self._parts

    def _say(self, kind: str, about: object = "") -> None:
        self._parts.append([(kind, about)])

    # -- what comes ---------------------------------------------------------------------------------------------------

    def _goes_on(self, begun: Begun) -> bool:
        """Tell whether a run is the next one of a chain; the first one may have ended in the turn that began it."""
        before = self._run if begun.run != self._run else self._before
        return begun.digest == message_digest(f"{before}/next") if before else bool(begun.remembered)

    def _arrived(self, event: Event) -> None:
        match event:
            case Begun():
                self._begin(event.run)
                self._now.status = "running"
                self._say("dispatched")
            case Called():
                self._say("methodDispatched", event.id)
                self._now.calls.add(event.id)
            case SignalAccepted():
                self._say("signalReceived", event.channel)
            case TasksRetried():
                self._say("retryRequested")
            case Rewound():
                self._say("retryRequested")
                self._take_back()
                self._rewind(event)
            case _:
                pass

    def _rewind(self, rewound: Rewound) -> None:
        """Go back to before a turn; what came since comes again, but for the ends of what is sent again."""
        void = [record for record in self._records if record.number >= rewound.record]
        past = self._pasts[rewound.record].copied()
        late = {event.number for event in self._now.unrun if isinstance(event, CommandEnded)}
        called_off = [number for number in self._now.open if number not in past.open and number not in late]
        self._parts.append([label for number in called_off for label in self._cancelled(number)])
        self._told -= self._back
        calls = self._now.calls
        self._now = past
        self._now.calls |= calls
        self._now.status, self._now.main = "running", None
        came = [event for record in void for event in record.events]
        self._now.unrun += [event for event in came if getattr(event, "number", -1) not in rewound.numbers]
        self._records = [record for record in self._records if record.number < rewound.record]

    # -- what the code did --------------------------------------------------------------------------------------------

    def _ran(self, record: Record) -> None:
        now = self._now
        if now.status == "blocked":
            self._say("unblocked")
            now.status = "running"
        part: list[Label] = []
        for event in now.unrun:
            if not (isinstance(event, CommandEnded) and event.number in record.withdrawn):  # it came too late
                part += self._applied(event)
        now.unrun = []
        for number in record.withdrawn:
            part += self._end(number, "cancelled")
        self._parts.append(part)
        for command in record.commands:
            if command.number:
                now.open[command.number] = Asked(command)
            if command.kind == "signal":
                self._say("signalDispatched", command.number)
            elif command.kind in _FAMILIES:
                self._say(f"{_FAMILIES[command.kind]}Dispatched", command.number)

    def _applied(self, event: Event) -> list[Label]:
        now = self._now
        if isinstance(event, CommandEnded):
            asked = now.open.get(event.number)
            fits = asked is not None and asked.sequence == event.sequence
            return self._end(event.number, status_of(event.outcome)) if fits else []
        if isinstance(event, TimerFired) and event.number in now.open:
            kind = now.open[event.number].command.kind
            return self._end(event.number, "completed" if kind == "timer" else "timed_out")
        if isinstance(event, TasksRetried | Rewound):
            for number in event.numbers:
                asked = now.open.get(number) or now.ended.pop(number, None)
                if asked is not None:
                    now.open[number] = asked._replace(sequence=asked.sequence + 1)
        return []

    def _end(self, number: int, status: str) -> list[Label]:
        asked = self._now.open.pop(number, None)
        if asked is None:
            return []
        self._now.ended[number] = asked
        family = _FAMILIES.get(asked.command.kind)
        if family is None or (number, asked.sequence) in self._told:
            return []
        self._told.add((number, asked.sequence))
        return [(f"{family}{_ENDS[status]}", number)]

    def _fold(self, record: Record, folded: Folded) -> None:
        """All that was asked for in these turns has ended in them, and so have the methods: how is not kept."""
        first = record.number - folded.turns + 1
        earlier = [one for one in self._records if one.number >= first]
        known = Counter(event.method for one in earlier for event in one.events if isinstance(event, Called))
        for one in earlier:
            known.update({} if one.folded is None else one.folded.calls)
        new = sum(folded.calls.values()) - known.total()
        issued = {command.number for one in earlier for command in one.commands}
        ends = [label for number in sorted(issued) for label in self._end(number, "completed")]
        self._parts.append([label for label in map(_in_fold, ends) if label is not None])
        called = {event.id for one in earlier for event in one.events if isinstance(event, Called)}
        over = len(self._now.calls & called) + new
        self._parts[0] += [("methodDispatched", "")] * new + [("methodEnded", "")] * over
        self._now.calls -= called
        self._now.unrun = []
        self._records = [one for one in self._records if one.number < first]

    # -- ends ---------------------------------------------------------------------------------------------------------

    def _method_ends(self, record: Record) -> Iterable[tuple[str, Outcome]]:
        if record.completion is not None:
            self._now.main = record.completion
            yield "main", record.completion
        for end in record.ended:
            self._now.calls.discard(end.id)
            yield end.id, end.outcome

    def _status(self, record: Record) -> None:
        now = self._now
        begins = any(isinstance(one, Begun) and self._goes_on(one) for one in record.events)
        given_up = any(isinstance(one, GivenUp) for one in record.events)
        if record.completion is not None and isinstance(now.main, Failed):
            now.status = "failed"
            self._say("failed")
        elif now.main is not None and not isinstance(now.main, Failed) and not now.calls:
            self._closed(now.main)
        elif given_up or (now.status == "running" and not record.ran and not begins):
            now.status = "blocked"
            self._say("blocked")

    def _closed(self, outcome: Outcome) -> None:
        now = self._now
        if not isinstance(outcome, Completed):
            late = {event.number for event in now.unrun if isinstance(event, CommandEnded)}
            called_off = [number for number in now.open if number not in late]
            self._parts.append([label for number in called_off for label in self._cancelled(number)])
        now.status = "timedOut" if status_of(outcome) == "timed_out" else status_of(outcome)
        self._say(now.status)

    def _cancelled(self, number: int) -> list[Label]:
        """End what is cancelled where it runs, for nobody is there who wants it."""
        command = self._now.open[number].command
        runs = command.kind in {"task", "child"} and not (command.child is not None and command.child.detached)
        return self._end(number, "cancelled") if runs else []


def _in_fold(label: Label) -> Label | None:
    """Return what a fold tells of a label."""
    kind, about = label
    if kind == "methodDispatched":
        return kind, ""
    if kind.startswith("method"):
        return "methodEnded", ""
    family = next((one for one in ("task", "remoteMethod") if kind.startswith(one)), "")
    return (f"{family}Ended", about) if family else None


def _in_parts(labels: Sequence[Label], parts: Iterable[Sized]) -> list[list[str]]:
    """Return labels in parts of these sizes, and what is left; no order inside of a part."""
    rest, found = list(labels), list[list[str]]()
    for size in (*map(len, parts), len(labels)):
        found.append(sorted(map(str, rest[:size])))
        rest = rest[size:]
    return found
