"""The leases of one node: taken and renewed in one trip for all of its services."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Sequence
from functools import partial
from typing import Final

import msgspec
from loguru import logger

from leveret_actors import faults
from leveret_actors.service.attempt import Why
from leveret_actors.service.job import Holding, Job
from leveret_actors.service.waiting import until_stored
from leveret_actors.settings import LeaseSettings
from leveret_actors.store.contract import Outgoing, Store
from leveret_actors.store.leases import DELEGATED, FINISHED, Lease, Renewal
from leveret_broker.errors import StoreError, StoreUnavailable

TICK: Final = 1.0
"""Most seconds between two looks at what runs; progress goes to the store as often."""
KEPT: Final = 86_400.0
"""How long it is known how a task ended that had a lease, in seconds."""
UNDELIVERED: Final = 60.0
"""Seconds after which somebody else sends what follows from a finished task, unless its worker has."""
CLOSE_SECONDS: Final = 5.0
"""How long a node that stops waits for the store."""


class LeaseKeeper:
    """Gives leases to jobs that run for long, or whose deliveries were lost, and renews them.

    Services `join` with their jobs and `leave`; it works while one is there. `holder` names this node.
    """

    def __init__(self, store: Store, *, holder: str, settings: LeaseSettings | None = None) -> None:
        self._store = store
        self._holder = holder
        self.settings = settings or LeaseSettings()
        self._tick = min(TICK, self.settings.after / 4, self.settings.seconds / 6)
        self._services: list[Callable[[], Iterable[Job]]] = []
        self._wanted: list[Job] = []
        self._held: dict[Job, None] = {}
        self._renewed = 0.0
        self._hurry = asyncio.Event()
        self._working: asyncio.Task[None] | None = None
        self._later: set[asyncio.Task[None]] = set()

    def join(self, jobs: Callable[[], Iterable[Job]]) -> None:
        """Look after these jobs."""
        self._services.append(jobs)
        if self._working is None:
            self._working = asyncio.create_task(self._work(), name=f"leases of {self._holder}")

    async def leave(self, jobs: Callable[[], Iterable[Job]]) -> None:
        """Look after them no more; the last one to leave waits until what the store has to know is written."""
        self._services.remove(jobs)
        if self._services or self._working is None:
            return
        self._working.cancel()
        await asyncio.wait({self._working})
        self._working = None
        if self._later:
            await asyncio.wait(self._later, timeout=CLOSE_SECONDS)
        for task in tuple(self._later):
            task.cancel()

    # -- what jobs ask for --------------------------------------------------------------------------------------------

    def want(self, job: Job) -> Holding:
        """Get a lease for a job as soon as the store answers; then its deliveries are acknowledged."""
        if job.holding is None:
            job.holding = Holding(lease_of(job, self._holder))
            self._wanted.append(job)
            self._hurry.set()
        return job.holding

    def rescue(self, jobs: Iterable[Job]) -> None:
        """Keep jobs whose deliveries went back, and remember those that have ended."""
        for job in jobs:
            job.lost = True
            if not job.over:
                self.want(job)
            elif job.ended_without_lease:
                self.end(job, "completed", told=True)

    async def settled(self, job: Job) -> bool:
        """Tell whether a job has its lease; from now on it does not get it any more."""
        holding = job.holding
        assert holding is not None
        holding.withdrawn = True
        if holding.trip is not None:
            await asyncio.wait({holding.trip})
        return holding.held

    async def finish(self, job: Job, parcel: Outgoing, *, returns: bool = False) -> bool:
        """Store what follows from a job, so that it is sent whatever happens here; False when somebody else has it.

        A store that is away, or has lost the lease, is no reason not to send it. `returns`: the same attempt follows,
        elsewhere; what stays of this lease must not stand in its way.
        """
        holding = job.holding
        assert holding is not None
        self._held.pop(job, None)
        lease = holding.lease
        finished = msgspec.structs.replace(
            lease, status=FINISHED, deaths=lease.deaths - returns, parcel=encode_parcel(parcel), body=b""
        )
        try:
            if await self._store.replace(lease, finished, self.settings.seconds):
                holding.lease = finished
                return True
            (found,) = await self._store.find_leases([lease.task])
        except StoreError as error:
            text = "the store does not take the end of task {}, which may run again: {}"
            logger.warning(text, job.task.task_id, error)
            return True
        return found is None or found.status == "cancelled"

    async def open(self, job: Job, seconds: float) -> bool:
        """Keep a delegated task that runs no more until somebody completes it; False when somebody has."""
        holding = job.holding
        assert holding is not None
        lease = holding.lease
        opened = msgspec.structs.replace(lease, status=DELEGATED, holder="", progress=job.progress or b"")
        stays = await until_stored(lambda: self._store.replace(lease, opened, seconds))
        self._held.pop(job, None)
        return stays

    def end(self, job: Job, status: str, *, told: bool) -> None:
        """Remember how a task ended, or (no status) take its lease off: its next attempt is under way.

        `told`: its caller was; then a copy of it that comes later is obsolete, whoever had the lease. Goes on in the
        background until the store has it.
        """
        self._held.pop(job, None)
        lease = lease_of(job, self._holder) if job.holding is None else job.holding.lease
        ended = None
        if status:
            ended = msgspec.structs.replace(lease, status=status, holder="", body=b"", parcel=b"")
        self._soon(self._end(lease, ended, told=told))

    def note(self, following: Iterable[tuple[str, int]]) -> None:
        """Let the store know which attempts would follow of what is over; what comes again of it is obsolete then."""
        if noted := list(following):
            self._soon(self._note(noted))

    # -- below --------------------------------------------------------------------------------------------------------

    async def _work(self) -> None:
        while True:
            try:
                await self._take()
                self._look()
                await self._renew()
            except StoreUnavailable as error:
                logger.warning("the store does not answer, {} leases are not renewed: {}", len(self._held), error)
            except Exception:
                logger.exception("leases could not be looked after, trying again")
            await self._pause()

    async def _pause(self) -> None:
        try:
            async with asyncio.timeout(self._tick):
                await self._hurry.wait()
        except TimeoutError:
            pass

    def _look(self) -> None:
        """Find what has run for long enough, or says how far it has come: others shall know, and go on from there."""
        now = asyncio.get_running_loop().time()
        for jobs in self._services:
            for job in jobs():
                if job.holding is not None or job.attempt is None or job.over:
                    continue
                if now - job.since >= self.settings.after or job.news is not None:
                    self.want(job)

    async def _take(self) -> None:
        self._hurry.clear()
        jobs = [job for job in self._wanted if not _holding(job).withdrawn]
        self._wanted.clear()
        if not jobs:
            return
        trip: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        for job in jobs:
            _holding(job).trip = trip
        try:
            faults.reached("before-lease")
            ways = await self._store.hold([_holding(job).lease for job in jobs], self.settings.seconds)
            faults.reached("after-lease")
            for job, way in zip(jobs, ways, strict=True):
                self._answered(job, way)
        except StoreError:
            self._wanted += jobs  # the delivery stands meanwhile
            raise
        finally:
            trip.set_result(None)
            for job in jobs:
                _holding(job).trip = None

    def _answered(self, job: Job, way: Lease | None) -> None:
        holding = _holding(job)
        holding.known.set_result(way is None)
        if way is None:
            self._held[job] = None
            job.acknowledge()
        else:
            self._lost(job, way.status)

    async def _renew(self) -> None:
        """Renew all leases when it is time, and tell the store of progress."""
        now = asyncio.get_running_loop().time()
        due = now - self._renewed >= self.settings.seconds / 3
        jobs = [job for job in self._held if due or job.news]
        if not jobs:
            return
        said = {job: job.news for job in jobs}
        renewals = [Renewal(job.task.task_id, _holding(job).lease.order, said[job]) for job in jobs]
        found = await self._store.renew(self._holder, renewals, self.settings.seconds)
        faults.reached("after-renewal")
        if due:
            self._renewed = now
        for job, status in zip(jobs, found, strict=True):
            if job not in self._held:  # it ended meanwhile
                continue
            if status:
                self._lost(job, status)
            elif (progress := said[job]) is not None:
                _holding(job).told = progress

    def _lost(self, job: Job, status: str) -> None:
        """Stop an attempt that somebody else goes on with, or nobody wants."""
        self._held.pop(job, None)
        if job.over:
            return
        logger.info("task {} has no lease here: it is {}; stopping it", job.task.task_id, status)
        if job.attempt is not None:
            job.attempt.interrupt(Why.CANCELLED if status == "cancelled" else Why.ELSEWHERE)

    async def _end(self, lease: Lease, ended: Lease | None, *, told: bool) -> None:
        changed = await until_stored(lambda: self._store.replace(lease, ended, KEPT))
        if told and not changed:
            await self._note([(lease.life, lease.attempt + 1)])

    async def _note(self, following: Sequence[tuple[str, int]]) -> None:
        until = await until_stored(self._store.clock) + KEPT
        for life, attempt in following:
            await until_stored(partial(self._store.note_attempt, life, attempt, until))

    def _soon(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._later.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._later.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.opt(exception=error).error("the end of a lease could not be written")


def lease_of(job: Job, holder: str) -> Lease:
    """Return the lease that a job wants."""
    task = job.task
    return Lease(
        task=task.task_id,
        service=task.service,
        name=task.name,
        sequence=task.sequence,
        attempt=task.attempt,
        deaths=task.deaths,
        holder=holder,
        body=job.body,
        progress=job.progress or b"",
    )


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Outgoing)


def encode_parcel(parcel: Outgoing) -> bytes:
    """Return the bytes of what a finished lease wants sent."""
    return _encoder.encode(parcel)


def decode_parcel(data: bytes) -> Outgoing:
    """Return what a finished lease wants sent."""
    return _decoder.decode(data)


def _holding(job: Job) -> Holding:
    assert job.holding is not None
    return job.holding
