"""What was taken and not started: jobs that wait for slots, or for their batches."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from leveret_actors.service.execution import Execution
from leveret_actors.service.gathering import Batch, Gathering
from leveret_actors.service.job import Job
from leveret_actors.service.lanes import Lanes
from leveret_broker.codec import Codec

GIVE_BACK: Final = 1.0
"""Seconds that a job waits for a slot which leased ones have, before it goes back to its queue."""


AHEAD: Final = 16
"""Tasks of each priority in hand beside those that run, at least: one that is yet to come cannot be chosen."""


class Line:
    """Hands out jobs and batches in the order in which they came, and as their priorities say if there are any.

    `start` is called when there is something to start. `refuse` gets what fits no batch, `give_back` what has waited
    for too long: more comes than there are slots where the jobs in them are leased, for these have no part in the
    prefetch, and where there are priorities, for each has a prefetch of its own.
    """

    def __init__(
        self,
        executions: Mapping[str, Execution],
        codec: Codec,
        *,
        prioritised: bool = False,
        start: Callable[[], None],
        refuse: Callable[[Job, BaseException], None],
        give_back: Callable[[Job], None],
    ) -> None:
        self.waiting: Lanes[Job | Batch] = Lanes(prioritised=prioritised)
        """Ready to be started; calls whose batch is not full are not even here."""
        self.gathering = Gathering(executions, codec, self._line_up)
        self.prioritised = prioritised
        self._start = start
        self._refuse = refuse
        self._give_back = give_back
        self._timers: dict[float, asyncio.TimerHandle] = {}

    def prefetch(self, slots: int) -> int:
        """Return how many tasks of one priority to hold unacknowledged."""
        return slots + max(slots, AHEAD) if self.prioritised else slots

    def add(self, jobs: Sequence[Job]) -> None:
        """Have these wait for slots, or for their batches."""
        now = asyncio.get_running_loop().time()
        for job in jobs:
            job.since = now
            if not self.gathering.takes(job):
                self.waiting.append(job, job.task.priority)
                continue
            try:
                self.gathering.add(job)
            except BaseException as error:  # before anything was started: its argument does not fit, or has no key
                self._refuse(job, error)

    def put_first(self, job: Job) -> None:
        """Have a job started before all that waits."""
        job.since = asyncio.get_running_loop().time()
        self.waiting.put_first(job)
        self._start()

    def put_back(self, job: Job) -> None:
        """Have a job that came before be the next one of its priority."""
        self.waiting.put_back(job, job.task.priority)
        self._start()

    def clear(self) -> None:
        """Forget what waits: its deliveries go back."""
        self.waiting.clear()
        self.gathering.clear()

    def grows_old(self, seconds: float = GIVE_BACK) -> None:
        """Give back what waits, and has waited for so long before it is started."""
        if seconds not in self._timers:
            self._timers[seconds] = asyncio.get_running_loop().call_later(seconds, self._sort_out, seconds)

    def _sort_out(self, seconds: float) -> None:
        del self._timers[seconds]
        latest = asyncio.get_running_loop().time() - seconds
        old = [job for job in self.waiting if isinstance(job, Job) and job.since <= latest]
        for job in old:
            self.waiting.remove(job)
            self._give_back(job)
        self._start()

    def _line_up(self, batch: Batch) -> None:
        self.waiting.append(batch, batch.priority)
        self._start()
