"""The worker of one service: takes tasks, runs what fits its free slots, reports how they ended."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from functools import partial

from loguru import logger

from leveret.definition import ServiceInstance
from leveret.interceptors import TaskInterceptor
from leveret.per_key import PerKey
from leveret.service import TaskId
from leveret_actors.service.attempt import Ending
from leveret_actors.service.calls import ClientCalls
from leveret_actors.service.closing import Closing
from leveret_actors.service.desk import Desk
from leveret_actors.service.doorkeeper import Doorkeeper
from leveret_actors.service.doubts import Doubts
from leveret_actors.service.execution import executions, limits_per_key, prioritised, rate, slots
from leveret_actors.service.gathering import Batch
from leveret_actors.service.hearing import Hearing
from leveret_actors.service.intake import Intake
from leveret_actors.service.job import Job
from leveret_actors.service.keeping import LeaseKeeper
from leveret_actors.service.line import Line
from leveret_actors.service.pausing import Pauses
from leveret_actors.service.revocations import Revocations
from leveret_actors.service.settling import Settlements
from leveret_actors.service.started import Started
from leveret_actors.service.stopping import Stopping
from leveret_actors.service.suspects import Suspects, is_suspect
from leveret_actors.service.taking import Taking
from leveret_actors.service.telling import TaskTeller
from leveret_actors.service.throttle import throttle
from leveret_actors.service.verdict import Forget, GoesBack, judge, misfit
from leveret_actors.service.workshop import Workshop
from leveret_actors.settings import DAY, ServiceSettings
from leveret_actors.store.contract import Store
from leveret_broker.codec import Codec
from leveret_broker.ending import end
from leveret_broker.transport import Delivery, Subscription, Transport


class ServiceRunner:
    """Runs the tasks of one service in this node.

    `settings` is what a file says of the service, `registration` what its registration does: both are stronger than
    its code, the file is the strongest.
    `interrupt_grace` are the seconds that a function gets between being told to stop and being given up, where nobody
    says another number.
    `leases` keeps those of the whole node, `pauses` knows which services are paused. `clock` gives Unix time. How tasks
    ended that clients called is known for `outcomes_kept` seconds. A runner runs once.
    """

    _busy = 0
    """Slots that are taken."""
    _grace = 0.0
    """Seconds that what runs gets when the runner stops."""

    def __init__(
        self,
        instance: ServiceInstance,
        transport: Transport,
        store: Store,
        codec: Codec,
        *,
        worker: str,
        concurrency: int = 32,
        settings: ServiceSettings | None = None,
        registration: ServiceSettings | None = None,
        interrupt_grace: float = 5.0,
        clock: Callable[[], float] = time.time,
        interceptors: tuple[TaskInterceptor, ...] = (),
        leases: LeaseKeeper | None = None,
        pauses: Pauses | None = None,
        outcomes_kept: float = DAY,
        teller: TaskTeller | None = None,
    ) -> None:
        self._name = name = instance.definition.name
        self._codec = codec
        self._worker = worker
        self._clock = clock
        layers = [layer for layer in (settings, registration) if layer is not None]
        self._executions = executions(instance, layers, interrupt_grace)
        self._slots = slots(instance, layers, concurrency)
        self._throttle = throttle(store, name, rate(instance, layers), self._start_what_fits)
        self._revocations = Revocations(store)
        self._calls = ClientCalls(transport, store, worker=worker, clock=clock, kept=outcomes_kept)
        self._desk = Desk(transport, self._revocations, self._calls, service=name, worker=worker, clock=clock)
        self._teller = teller or TaskTeller(transport, None, worker=worker, clock=clock)
        known, told = self._executions, self._teller
        self._settlements = Settlements(transport, store, known, codec, told, service=name, worker=worker, clock=clock)
        self._intake = Intake(
            self._desk,
            self._revocations,
            service=name,
            worker=worker,
            tasks=self._executions,
            settle=self._settlements.add,
            clock=clock,
        )
        self._workshop = Workshop(codec, instance.definition, worker=worker, interceptors=interceptors)
        self._leases = leases or LeaseKeeper(store, holder=worker)
        self._closing = Closing(self._desk, self._leases, self._settled, self._teller, worker=worker, clock=clock)
        self._doubts = Doubts(store, transport, self._intake, wait=self._leases.settings.wait, resolved=self._queue_up)
        self._jobs = Started(self._leases)
        self._hearing = Hearing(transport, self._revocations, self._jobs.values, service=name, clock=clock)
        self._line = self._new_line(prioritised(instance, layers))
        self._doors = self._new_doors(store, limits_per_key(instance, layers))
        self._suspects = Suspects(self._line.put_first, self._give_back, deaths=self._leases.settings.deaths)
        self._pauses = pauses
        self._taking = self._new_taking(transport)
        self._last = Stopping(name, self._jobs, self._closing, self._desk, self._executions)
        self._stopping, self._stopped = asyncio.Event(), asyncio.Event()
        self._stopped.set()

    def _new_line(self, prioritised: bool) -> Line:
        return Line(
            self._executions,
            self._codec,
            prioritised=prioritised,
            start=self._start_what_fits,
            refuse=self._misfits,
            give_back=self._give_back,
        )

    def _new_doors(self, store: Store, limits: PerKey | None) -> Doorkeeper | None:
        if limits is None:
            return None
        return Doorkeeper(
            store,
            limits,
            service=self._name,
            codec=self._codec,
            slots=self._slots,
            settings=self._leases.settings,
            answered=self._answered,
            come_back=self._line.put_back,
            refuse=self._misfits,
            give_back=self._give_back,
        )

    def _new_taking(self, transport: Transport) -> Taking:
        return Taking(
            transport,
            self._name,
            self._receive,
            prioritised=self._line.prioritised,
            prepare=self._hearing.begin,
            prefetch=self._prefetch,
            pauses=self._pauses,
            idle=lambda: self._jobs.idle,
            go_on=self._start_what_fits,
            lost=self._rescue,
            forget=self._forget,
            unheard=self._jobs.note,
        )

    async def run(self) -> None:
        """Take and run tasks until cancelled or stopped.

        Raises `TransportClosed` when the transport is, and `BrokerRefused` when it may not take the tasks.
        """
        self._stopped.clear()
        self._leases.join(self._jobs.values)
        taking = asyncio.create_task(self._taking.run(), name=f"take {self._name}")
        stopping = asyncio.create_task(self._stopping.wait(), name=f"stop {self._name}")
        try:
            await asyncio.wait((taking, stopping), return_when=asyncio.FIRST_COMPLETED)
            if taking.done():
                taking.result()
            await end(taking)
            await self._last.finish(self._grace)
        finally:
            self._stopping.set()  # however it ends, nothing more begins
            await end(taking, stopping)
            await self._last.interrupt()
            await self._taking.give_back()
            await self._hearing.close()
            self._closing.cancel()
            if self._throttle is not None:
                self._throttle.close()
            if self._doors is not None:
                await self._doors.close()
            await self._settlements.close()
            await self._calls.close()
            await self._leases.leave(self._jobs.values)
            self._workshop.close()
            self._stopped.set()

    async def stop(self, grace: float) -> None:
        """Take nothing more, let what runs finish for `grace` seconds, then interrupt it; return when all is over.

        What was not started or not finished goes back to the queue.
        """
        self._grace = grace
        self._stopping.set()
        await self._stopped.wait()

    # -- taking -------------------------------------------------------------------------------------------------------

    def _prefetch(self, queues: int) -> int:
        held = self._line.prefetch(self._slots)
        if self._throttle is not None:
            held = self._throttle.prefetch(held, self._leases.settings.after)
        aside = 0 if self._doors is None else self._doors.room
        return self._jobs.under(aside + self._line.gathering.prefetch(held), queues)

    async def _receive(self, subscription: Subscription, deliveries: Sequence[Delivery]) -> None:
        admitted = await self._intake.admit(subscription, deliveries)
        again = [job for job in admitted if job.redelivered and not self._jobs.has(job)]
        if again:
            self._doubts.add(again)
        self._queue_up([job for job in admitted if not job.redelivered])

    def _rescue(self) -> None:
        """Let what runs go on under leases; delivered again to this worker, it is recognised by its key."""
        self._leases.rescue(self._jobs.values())

    def _forget(self) -> None:
        self._line.clear()
        if self._doors is not None:
            self._doors.clear()
        self._doubts.clear()
        self._suspects.clear()

    # -- running ------------------------------------------------------------------------------------------------------

    def _queue_up(self, jobs: Sequence[Job]) -> None:
        """Start these, or have them wait for slots, or for their batches."""
        fresh = [job for job in jobs if not self._jobs.has(job) and (self._doors is None or self._doors.greet(job))]
        self._line.add([job for job in fresh if not self._suspects.take(job)])
        self._start_what_fits()

    def _start_what_fits(self) -> None:
        """Start what waits while slots are free.

        The prefetch lets no more come than there are slots, but after a lost subscription what it had started still
        takes slots of its own.
        """
        waiting = self._line.waiting
        if self._pauses is not None and self._pauses.is_paused(self._name):
            return
        while self._busy < self._slots and not self._stopping.is_set() and (next_one := waiting.peek()) is not None:
            if isinstance(next_one, Job) and not self._is_to_start(next_one):
                waiting.pop()
                self._suspects.ended(next_one)
                continue
            if self._doors is not None and isinstance(next_one, Job) and not self._doors.lets_ask(next_one):
                waiting.pop()
                continue
            if self._throttle is not None and not self._throttle.lets_begin(self._able()):
                return
            waiting.pop()
            if isinstance(next_one, Batch):
                self._start_batch(next_one)
            elif self._doors is not None and next_one.room:
                self._busy += 1
                self._doors.ask(next_one)
            else:
                self._start_one(next_one)
        if waiting and any(job.holding is not None for job in self._jobs.values()):
            self._line.grows_old()
        if waiting and self._line.prioritised:
            self._line.grows_old(self._leases.settings.after)
        if not waiting and self._busy < self._slots:
            self._line.gathering.hurry(self._jobs.values)

    def _able(self) -> int:
        """Return how many could begin now."""
        return min(len(self._line.waiting), self._slots - self._busy)

    def _is_to_start(self, job: Job) -> bool:
        return not self._jobs.has(job) and not self._intake.is_cancelled(job)

    def _answered(self, job: Job, inside: bool) -> None:
        """Start a job that had a slot while it asked for a seat of its key, or have it wait aside."""
        assert self._doors is not None
        self._busy -= 1
        if not inside:
            if self._throttle is not None:
                self._throttle.put_back()
        elif self._jobs.has(job):
            self._doors.joins(job)
        elif self._stopping.is_set() or self._intake.is_cancelled(job):
            self._doors.left(job)
            self._suspects.ended(job)
        else:
            self._start_one(job)
        self._start_what_fits()

    def _give_back(self, job: Job, delay: float = 0.0) -> None:
        """Put a job back into its queue: other workers may have a slot, and its delivery grows old."""
        self._desk.postpone(job.task, job.body, delay, job.acknowledge)
        self._suspects.ended(job)

    def _start(self, job: Job) -> None:
        over, free = partial(self._over, job), partial(self._free, job)
        try:
            execution = self._calls.limited(self._executions[job.task.name], job.task)
            if execution.definition.batching is not None:  # a suspect: no other call shares its batch
                self._start_batch(self._line.gathering.single(job))
                return
            job.attempt = self._workshop.start(execution, job.task, on_over=over, on_free=free)
        except BaseException as error:  # before anything was started: its arguments do not fit
            self._misfits(job, error)
            return
        job.since = asyncio.get_running_loop().time()
        self._teller.started(job)
        self._busy += 1
        job.free = False

    def _start_one(self, job: Job) -> None:
        """Start a job; a delegated one, or a suspect, once the store has it.

        Somebody may complete a delegated one before its function has returned; the lease of a suspect counts deaths.
        """
        self._jobs.add(job)
        if self._executions[job.task.name].definition.delegated is None and not is_suspect(job):
            self._start(job)
            return
        self._suspects.begun(job)
        self._busy += 1
        job.free = False
        self._leases.want(job).known.add_done_callback(partial(self._start_leased, job))

    def _start_leased(self, job: Job, known: asyncio.Future[bool]) -> None:
        if known.cancelled():
            return
        self._busy -= 1
        job.free = True
        if not known.result() or self._intake.is_cancelled(job):
            self._closing.conclude(job, Forget())
        elif self._stopping.is_set():
            self._closing.conclude(job, GoesBack())
        else:
            self._start(job)
        self._start_what_fits()

    def _misfits(self, job: Job, error: BaseException) -> None:
        self._closing.conclude(job, misfit(job.task, error, self._codec, self._worker))

    def _start_batch(self, batch: Batch) -> None:
        members = {TaskId(key): one for key, one in batch.members.items() if self._is_to_start(one.job)}
        if not members:
            return
        jobs = [member.job for member in members.values()]
        self._busy += 1
        now = asyncio.get_running_loop().time()
        for job in jobs:
            self._jobs.add(job)
            job.free, job.since = False, now
            self._teller.started(job)
        parts = self._workshop.start_batch(
            batch.execution,
            {task_id: member.call for task_id, member in members.items()},
            on_over=lambda task_id, ending: self._over(members[task_id].job, ending),
            on_free=partial(self._free, *jobs),
        )
        for task_id, part in parts.items():
            members[task_id].job.attempt = part

    def _over(self, job: Job, ending: Ending) -> None:
        try:
            execution = self._executions[job.task.name]
            verdict = judge(execution, job.task, ending, self._codec, self._worker, job.elapsed(self._clock))
            self._closing.conclude(job, verdict)
        except BaseException as error:  # an exception's own methods may raise anything
            logger.exception("service {} stumbled over the end of task {}", self._name, job.task.task_id)
            self._closing.bury(job, f"its end could not be handled: {error!r}")

    def _settled(self, job: Job) -> None:
        self._last.changed.set()
        self._close(job)

    def _free(self, *jobs: Job) -> None:
        """Give back the slot of a job, or of a batch."""
        self._busy -= 1
        self._last.changed.set()
        for job in jobs:
            job.free = True
            if self._doors is not None:
                self._doors.left(job)
            self._close(job)
        self._start_what_fits()

    def _close(self, job: Job) -> None:
        """Acknowledge a job that is settled and runs no more: one that was given up keeps its part of the prefetch."""
        self._suspects.ended(job)
        if job.settled and job.free:
            if self._doors is not None:
                self._doors.left(job)
            self._jobs.close(job)
