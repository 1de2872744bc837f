"""What the engine keeps of an instance between two turns."""

from __future__ import annotations

from dataclasses import dataclass, field

from leveret_actors.workflow.instance import Instance
from leveret_actors.workflow.journal import (
    Begun,
    Event,
    GivenUp,
    Record,
    ResultAwaited,
    Rewound,
    SignalAccepted,
    TasksRetried,
    TimerFired,
)
from leveret_actors.workflow.state import State
from leveret_broker.envelope import Caller


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

    def add(self, digest: bytes, at: float) -> None:
        """Remember one, and forget what is too old or too many."""
        digests = self._digests
        digests[digest] = at
        while digests:
            oldest = next(iter(digests))
            if len(digests) <= self._most and digests[oldest] > at - self._seconds:
                break
            del digests[oldest]


@dataclass(slots=True)
class Live:
    """One instance, as its journal tells; with running code unless it is closed, failed, blocked or only awaited."""

    state: State
    seen: Seen
    begun: Begun | None = None
    waiters: list[Caller] = field(default_factory=list[Caller])
    unrun: list[Event] = field(default_factory=list[Event])
    """Journalled, not run by any code yet."""
    unsent: set[int] = field(default_factory=set[int])
    """Tasks whose retry is journalled and was not run by any code yet."""
    parked: list[tuple[float, SignalAccepted]] = field(default_factory=list[tuple[float, SignalAccepted]])
    """Signals for an instance that has not been started yet, and when they came."""
    instance: Instance | None = None

    def journal(self, record: Record) -> None:
        """Follow a record: what it means to the engine, without the code."""
        for event in record.events:
            if not isinstance(event, TimerFired | GivenUp):
                self.seen.add(event.digest, record.at)
            if isinstance(event, TasksRetried | Rewound):
                self.unsent.update(event.numbers)
            if isinstance(event, Begun):
                self.begun = event
                for digest in event.passed:
                    self.seen.add(digest, record.at)
                if event.caller is not None:
                    self.waiters.append(event.caller)
            elif isinstance(event, ResultAwaited) and event.caller not in self.waiters:
                self.waiters.append(event.caller)
            elif isinstance(event, SignalAccepted) and self.begun is None:
                self.parked.append((record.at, event))
        if record.ran:
            self.unrun.clear()
            self.unsent.clear()
        else:
            self.unrun.extend(record.events)

    @property
    def size(self) -> int:
        """Estimate the bytes in memory."""
        pending = 0 if self.instance is None else len(self.instance.operations.pending)
        return 8_000 + self.state.journal_bytes + 1_500 * pending + 120 * len(self.seen)
