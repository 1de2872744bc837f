"""What a service has started and not yet acknowledged, and what it acknowledged last."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection

from leveret_actors.service.job import Job, JobKey
from leveret_actors.service.keeping import LeaseKeeper
from leveret_actors.service.revocations import attempts_key


class Started:
    """The jobs of one service, by their keys.

    No acknowledgement is answered. The broker leaves no more deliveries than the prefetch without one, and hears them
    in order: when the subscription is lost, none but the last ones, as many as that, can have got lost with it.
    """

    def __init__(self, keeper: LeaseKeeper) -> None:
        self._keeper = keeper
        self._jobs: dict[JobKey, Job] = {}
        self._last: deque[tuple[str, int]] = deque()
        """Acknowledged last: under which name attempts are noted, and the attempt that would follow."""

    def values(self) -> Collection[Job]:
        """Return the jobs."""
        return self._jobs.values()

    @property
    def idle(self) -> bool:
        """True once all are settled, or kept by the store."""
        return all(job.settled or (job.holding is not None and job.holding.held) for job in self._jobs.values())

    def under(self, prefetch: int, queues: int) -> int:
        """Remember as many as new subscriptions may leave unacknowledged; return the prefetch of each."""
        self._last = deque(self._last, maxlen=prefetch * queues)
        return prefetch

    def add(self, job: Job) -> None:
        """Take a job in."""
        self._jobs[job.key] = job

    def has(self, job: Job) -> bool:
        """Tell whether this very attempt runs here; then its acknowledgement covers this delivery as well."""
        running = self._jobs.get(job.key)
        if running is None or running is job:
            return False
        running.take_over(job)
        return True

    def acknowledge(self, job: Job) -> None:
        """Acknowledge a settled job."""
        job.acknowledge()
        if job.ended_without_lease:
            self._last.append((attempts_key(job.task), job.task.attempt + 1))

    def close(self, job: Job) -> None:
        """Acknowledge a job of which nothing goes on, and forget it."""
        self.acknowledge(job)
        job.attempt = None  # which knows the job: the garbage collector shall have no work with the two
        self._jobs.pop(job.key, None)

    def note(self) -> None:
        """Let the store know of the last ones that they are over, before they come again."""
        self._keeper.note(self._last)
        self._last.clear()
