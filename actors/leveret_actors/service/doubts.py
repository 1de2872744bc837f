"""Tasks that were delivered before: whoever had them first may still run them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial

from loguru import logger

from leveret_actors.service.intake import Intake
from leveret_actors.service.job import Job
from leveret_actors.service.keeping import decode_parcel
from leveret_actors.store.contract import Store
from leveret_actors.store.leases import FINISHED, Lease
from leveret_broker.errors import StoreError
from leveret_broker.transport import Transport


class Doubts:
    """Holds such tasks back for `wait` seconds, and drops those whose lease is found before or after.

    The connection of a worker that lost it is gone at the same moment at which the broker hands its tasks on; it takes
    leases of what it runs at once. `resolved` gets the tasks that nobody has.
    """

    def __init__(
        self,
        store: Store,
        transport: Transport,
        intake: Intake,
        *,
        wait: float,
        resolved: Callable[[Sequence[Job]], None],
    ) -> None:
        self._store = store
        self._intake = intake
        self._transport = transport
        self._wait = wait
        self._resolved = resolved
        self._open: set[asyncio.Task[None]] = set()

    def add(self, jobs: Sequence[Job]) -> None:
        """Find out about these."""
        task = asyncio.create_task(self._resolve(jobs), name="redelivered tasks")
        self._open.add(task)
        task.add_done_callback(self._done)

    def clear(self) -> None:
        """Forget them: their deliveries went back."""
        for task in tuple(self._open):
            task.cancel()

    async def _resolve(self, jobs: Sequence[Job]) -> None:
        left = await self._look(jobs)
        if left and self._wait > 0:
            await asyncio.sleep(self._wait)
            left = await self._look(await self._intake.still_wanted(left))
        if left:
            self._resolved(left)

    async def _look(self, jobs: Sequence[Job]) -> list[Job]:
        """Return those without a lease, and deal with the others."""
        if not jobs:
            return []
        try:
            leases = await self._store.find_leases([job.task.task_id for job in jobs])
        except StoreError as error:
            logger.warning("cannot look up the leases of redelivered tasks, starting them unchecked: {}", error)
            return list(jobs)
        left = list[Job]()
        for job, lease in zip(jobs, leases, strict=True):
            if lease is None or lease.order < job.order:
                left.append(job)
            else:
                self._drop(job, lease)
        return left

    def _drop(self, job: Job, lease: Lease) -> None:
        """Drop a delivery whose task is in the store; what follows from a finished one is sent once more before.

        Its first sending may be the very delivery at hand.
        """
        logger.info("task {} is in the store ({}): its second delivery is dropped", job.task.task_id, lease.status)
        if lease.status != FINISHED:
            job.acknowledge()
            return
        parcel = decode_parcel(lease.parcel)
        sent = self._transport.publish(
            parcel.address, parcel.body, delay=parcel.delay, reason=parcel.reason, source=parcel.source
        )
        sent.add_done_callback(partial(_acknowledge, job))

    def _done(self, task: asyncio.Task[None]) -> None:
        self._open.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.opt(exception=error).error("redelivered tasks could not be looked into; they stay unacknowledged")


def _acknowledge(job: Job, sent: asyncio.Future[None]) -> None:
    if not sent.cancelled() and sent.exception() is None:
        job.acknowledge()
