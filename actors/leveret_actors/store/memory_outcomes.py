"""The part of the memory store that is about tasks that clients called."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from leveret_actors.store.outcomes import Called, CallRecord, OutcomeStore

T = TypeVar("T")

SWEEP: Final = 1000
"""Records above which the outdated ones are looked for, and again when twice as many are there as were left."""


class OutcomeTable:
    """Records by task, each until when it is kept."""

    def __init__(self) -> None:
        self.rows: dict[str, tuple[CallRecord, float]] = {}
        self._sweep = SWEEP

    def find(self, task: str, clock: float) -> CallRecord:
        """Return what is known of a task."""
        record, until = self.rows.get(task, (CallRecord(), 0.0))
        return record if until > clock else CallRecord()

    def put(self, task: str, record: CallRecord, clock: float, seconds: float) -> CallRecord:
        """Keep a record, and return it."""
        if len(self.rows) > self._sweep:
            self.rows = {task: row for task, row in self.rows.items() if row[1] > clock}
            self._sweep = max(SWEEP, 2 * len(self.rows))
        self.rows[task] = record, clock + seconds
        return record


class MemoryOutcomes(OutcomeStore, ABC):
    """One table for all memory stores of one name."""

    _clock: Callable[[], float]

    @property
    @abstractmethod
    def _outcomes(self) -> OutcomeTable: ...

    @abstractmethod
    async def _effect(self, name: str, effect: Callable[[], T]) -> T: ...

    async def note_calls(self, calls: Sequence[Called], seconds: float) -> list[CallRecord]:
        """Note calls; see `OutcomeStore`."""

        def effect() -> list[CallRecord]:
            clock = self._clock()
            return [self._note(call, clock, seconds) for call in calls]

        return await self._effect("note_calls", effect)

    async def keep_outcome(self, call: Called, outcome: bytes, seconds: float) -> CallRecord:
        """Keep an outcome; see `OutcomeStore`."""

        def effect() -> CallRecord:
            clock = self._clock()
            found = self._outcomes.find(call.task, clock)
            record = found.ended(call, outcome)
            return record if record == found else self._outcomes.put(call.task, record, clock, seconds)

        return await self._effect("keep_outcome", effect)

    def _note(self, call: Called, clock: float, seconds: float) -> CallRecord:
        record = self._outcomes.find(call.task, clock).noted(call)
        return record if record.outcome else self._outcomes.put(call.task, record, clock, seconds)
