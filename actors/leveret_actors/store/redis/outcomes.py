"""The part of the store on Redis that is about tasks that clients called."""

from __future__ import annotations

import math
from abc import ABC
from collections.abc import Sequence
from typing import TypeAlias

from leveret_actors.store.outcomes import WAITERS, Called, CallRecord, OutcomeStore
from leveret_actors.store.redis import scripts
from leveret_actors.store.redis.keys import Keys
from leveret_actors.store.redis.link import Link
from leveret_actors.store.redis.wire import Argument

_Row: TypeAlias = tuple[bytes, bytes, bytes, bytes]


class RedisOutcomes(OutcomeStore, ABC):
    """A hash for each task, beside the other notes about tasks; it vanishes by itself."""

    _link: Link
    _keys: Keys

    async def note_calls(self, calls: Sequence[Called], seconds: float) -> list[CallRecord]:
        """Note calls; see `OutcomeStore`."""
        return await self._keep(calls, b"", seconds)

    async def keep_outcome(self, call: Called, outcome: bytes, seconds: float) -> CallRecord:
        """Keep an outcome; see `OutcomeStore`."""
        (record,) = await self._keep([call], outcome, seconds)
        return record

    async def _keep(self, calls: Sequence[Called], outcome: bytes, seconds: float) -> list[CallRecord]:
        if not calls:
            return []
        keys = [self._keys.shared("tasks", f"called:{call.task}") for call in calls]
        flat: list[Argument] = [math.ceil(seconds * 1000), outcome, WAITERS]
        for call in calls:
            flat += [call.sequence, call.waiter, call.message]
        rows = await self._link.run(scripts.CALLED, keys, flat, as_type=list[_Row])
        return [_record(row) for row in rows]


def _record(row: _Row) -> CallRecord:
    sequence, message, outcome, waiters = row
    return CallRecord(int(sequence), message.decode(), outcome, tuple(waiters.decode().split()))
