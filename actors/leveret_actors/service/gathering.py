"""Calls that wait for their batch: by count, by time, by key."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias, cast

from leveret.definition import Batching
from leveret.service import Call
from leveret.service.batching import BatchSignature
from leveret.service.contexts import call_of
from leveret_actors.service.execution import Execution
from leveret_actors.service.job import Job
from leveret_broker.address import Priority
from leveret_broker.codec import Codec

AHEAD: Final = 1000
"""Tasks taken beyond the free slots, at most, so that batches fill; one larger batch may always fill."""


@dataclass(slots=True)
class Member:
    """One call of a batch, and its task."""

    job: Job
    call: Call[Any]


@dataclass(slots=True)
class Batch:
    """Calls that run together, by task id."""

    execution: Execution
    priority: Priority
    """Of all its calls."""
    members: dict[str, Member] = field(default_factory=dict[str, Member])


Group: TypeAlias = tuple[str, Priority, Hashable]
"""What the calls of a batch have in common: task, priority, and what the key says."""
Ready: TypeAlias = Callable[[Batch], None]
"""Given a batch that gets no more calls."""


class Gathering:
    """Puts calls into batches.

    A call that was redelivered, or that was in a batch which failed as a whole, makes a batch of its own: one of those
    that were together may be what killed the worker, or failed the others.
    """

    def __init__(self, executions: Mapping[str, Execution], codec: Codec, ready: Ready) -> None:
        self._executions = {name: one for name, one in executions.items() if one.batching is not None}
        self._codec = codec
        self._ready = ready
        self._open: dict[Group, tuple[Batch, asyncio.TimerHandle]] = {}
        """Oldest first."""
        self._most = 0

    def prefetch(self, slots: int) -> int:
        """Return how many tasks may be held unacknowledged: a batch takes one slot, but must be here to fill."""
        largest = max((_batching(one).max for one in self._executions.values()), default=0)
        self._most = slots + min(slots * largest, max(AHEAD, largest))
        return self._most

    def takes(self, job: Job) -> bool:
        """Tell whether a job's task runs in batches."""
        return job.task.name in self._executions

    def add(self, job: Job) -> None:
        """Put a job into a batch; raises `ArgumentMismatch`, and whatever the key raises."""
        single = self.single(job)
        execution, batching = single.execution, _batching(single.execution)
        if job.task.alone or job.redelivered or batching.max == 1:
            self._ready(single)
            return
        (member,) = single.members.values()
        key = None if batching.key is None else cast("Hashable", batching.key(member.call))
        group = (job.task.name, job.task.priority, key)
        batch = self._batch_with_room(group, job, execution, batching.seconds)
        if job.task.task_id in batch.members:  # the same attempt, sent twice
            batch.members[job.task.task_id].job.receipts.extend(job.receipts)
            return
        batch.members[job.task.task_id] = member
        if len(batch.members) >= batching.max:
            self._finish(group)

    def single(self, job: Job) -> Batch:
        """Return a batch of this call alone; raises `ArgumentMismatch`."""
        execution = self._executions[job.task.name]
        signature = execution.definition.signature
        assert isinstance(signature, BatchSignature)
        member = Member(job, call_of(job.task, signature.load_argument(self._codec, job.task.arguments), self._codec))
        return Batch(execution, job.task.priority, {job.task.task_id: member})

    def hurry(self, started: Callable[[], Iterable[Job]]) -> None:
        """Close the oldest batch that no call can join any more: with those `started`, all are here that may be held.

        Calls with many keys would else take up the whole prefetch while slots are free.
        """
        if not self._open:
            return
        held = Counter(job.task.priority for job in started() if job.receipts and not job.over)
        for batch, _ in self._open.values():
            held[batch.priority] += len(batch.members)
        full = (group for group, (batch, _) in self._open.items() if held[batch.priority] >= self._most)
        if (group := next(full, None)) is not None:
            self._finish(group)

    def clear(self) -> None:
        """Forget what waits: its deliveries go back."""
        for _, timer in self._open.values():
            timer.cancel()
        self._open.clear()

    def _batch_with_room(self, group: Group, job: Job, execution: Execution, seconds: float) -> Batch:
        """Return the open batch of a group; one that holds another attempt of the same task gets no more."""
        found = self._open.get(group)
        if found is not None:
            other = found[0].members.get(job.task.task_id)
            if other is None or other.job.key == job.key:
                return found[0]
            self._finish(group)
        batch = Batch(execution, job.task.priority)
        timer = asyncio.get_running_loop().call_later(seconds, self._finish, group)
        self._open[group] = batch, timer
        return batch

    def _finish(self, group: Group) -> None:
        batch, timer = self._open.pop(group)
        timer.cancel()
        self._ready(batch)


def _batching(execution: Execution) -> Batching:
    batching = execution.batching
    assert batching is not None
    return batching
