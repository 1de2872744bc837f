"""What the engine keeps of an instance between two turns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Final, NamedTuple, TypeAlias

from leveret_actors.workflow.instance import Instance
from leveret_actors.workflow.journal import (
    Applied,
    Begun,
    Called,
    GivenUp,
    MethodEnded,
    Record,
    ResultAwaited,
    Rewound,
    SignalAccepted,
    TasksRetried,
    TimerFired,
)
from leveret_actors.workflow.state import State
from leveret_broker.envelope import Caller
from leveret_broker.outcome import Outcome

ENDED_KEPT: Final = 1000
"""Outcomes of ended methods in memory; the journal has the others."""


class Seen:
    """The digests of messages that the journal has, bounded by number and age."""

    def __init__(self, most: int, seconds: float) -> None:
        """Begin with none."""
        self._most = most
        self._seconds = seconds
        self._digests: dict[bytes, float] = {}

    def __contains__(self, digest: bytes) -> bool:
        return digest in self._digests

    def __len__(self) -> int:
        return len(self._digests)

    def items(self) -> Iterator[tuple[bytes, float]]:
        """Return the digests and when they came, oldest first."""
        return iter(self._digests.items())

    def last(self, count: int) -> tuple[tuple[bytes, float], ...]:
        """Return the last ones and when they came, oldest first."""
        return tuple(reversed(list(islice(reversed(self._digests.items()), count))))

    def add(self, digest: bytes, at: float) -> None:
        """Remember one, and forget what is too old or too many."""
        digests = self._digests
        digests[digest] = at
        while digests:
            oldest = next(iter(digests))
            if len(digests) <= self._most and digests[oldest] > at - self._seconds:
                break
            del digests[oldest]


Parked: TypeAlias = SignalAccepted | Called


class EndedCall(NamedTuple):
    """A method that was called and has ended."""

    name: str
    outcome: Outcome
    turn: int
    """In which it ended; 0 where a fold stands for that."""


@dataclass(slots=True)
class OpenCall:
    """A method that was called and has not ended."""

    name: str
    waiters: list[Caller]


@dataclass(slots=True)
class Live:
    """One instance, as its journal tells; with running code unless it is closed, failed, blocked or only awaited."""

    state: State
    seen: Seen
    begun: Begun | None = None
    waiters: list[Caller] = field(default_factory=list[Caller])
    """For the end of the main method."""
    calls: dict[str, OpenCall] = field(default_factory=dict[str, "OpenCall"])
    """Methods that were called and have not ended, by id."""
    ended: dict[str, EndedCall] = field(default_factory=dict[str, "EndedCall"])
    """The last methods that ended, by id."""
    unrun: list[Applied] = field(default_factory=list["Applied"])
    """Journalled, not run by any code yet."""
    unsent: set[int] = field(default_factory=set[int])
    """Tasks whose retry is journalled and was not run by any code yet."""
    parked: list[tuple[float, Parked]] = field(default_factory=list[tuple[float, "Parked"]])
    """Signals and calls for an instance that has not been started yet, and when they came."""
    instance: Instance | None = None

    def journal(self, record: Record) -> None:
        """Follow a record: what it means to the engine, without the code."""
        for event in record.events:
            if not isinstance(event, TimerFired | GivenUp):
                self.seen.add(event.digest, record.at)
            if isinstance(event, TasksRetried | Rewound):
                self.unsent.update(event.numbers)
            if isinstance(event, Rewound):
                self._reopen(event.record)
            if isinstance(event, Begun):
                self.begun = event
                for digest, at in event.remembered:
                    self.seen.add(digest, at)
                for digest in event.passed:
                    self.seen.add(digest, record.at)
                if event.caller is not None:
                    self.waiters.append(event.caller)
            elif isinstance(event, ResultAwaited):
                self._await(event)
            elif isinstance(event, SignalAccepted | Called) and self.begun is None:
                self.parked.append((record.at, event))
            elif isinstance(event, Called):
                self.calls[event.id] = OpenCall(event.method, [] if event.caller is None else [event.caller])
        if record.folded is not None:
            for digest, at in record.folded.remembered:
                self.seen.add(digest, at)
            for kept in record.folded.kept:
                self._keep(kept.id, kept.name, kept.outcome)
        if record.ran:
            self.unrun.clear()
            self.unsent.clear()
        else:
            self.unrun.extend(record.events)

    def _reopen(self, record: int) -> None:
        """Have the methods that ended in void turns run again; who was told of their end is not told again."""
        for identity, end in list(self.ended.items()):
            if end.turn >= record:
                del self.ended[identity]
                self.calls[identity] = OpenCall(end.name, [])

    def _await(self, event: ResultAwaited) -> None:
        call = self.calls.get(event.method)
        if event.method and call is None:
            return
        waiters = self.waiters if call is None else call.waiters
        if event.caller not in waiters:
            waiters.append(event.caller)

    def end_method(self, end: MethodEnded, turn: int) -> list[Caller]:
        """Take a method off that ended in a turn; returns who waits for its outcome."""
        call = self.calls.pop(end.id, None)
        self._keep(end.id, "" if call is None else call.name, end.outcome, turn)
        return [] if call is None else call.waiters

    def _keep(self, identity: str, name: str, outcome: Outcome, turn: int = 0) -> None:
        self.ended[identity] = EndedCall(name, outcome, turn)
        if len(self.ended) > ENDED_KEPT:
            del self.ended[next(iter(self.ended))]

    @property
    def size(self) -> int:
        """Estimate the bytes in memory."""
        pending = 0 if self.instance is None else len(self.instance.operations.pending)
        return 8_000 + self.state.journal_bytes + 1_500 * pending + 120 * len(self.seen)
