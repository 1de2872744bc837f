"""The worker of one service: takes tasks, runs what fits its free slots, reports how they ended."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from loguru import logger

from leveret.definition import ServiceInstance
from leveret.interceptors import TaskInterceptor
from leveret_actors.service.attempt import Ending, Why
from leveret_actors.service.desk import Desk
from leveret_actors.service.execution import executions, slots
from leveret_actors.service.intake import Intake
from leveret_actors.service.job import Job, JobKey
from leveret_actors.service.revocations import Revocations, attempts_key
from leveret_actors.service.verdict import Forget, GoesBack, Tell, TryAgain, Verdict, judge, misfit
from leveret_actors.service.workshop import Workshop
from leveret_actors.settings import ServiceSettings
from leveret_actors.store.contract import Store
from leveret_broker.address import ServiceQueue
from leveret_broker.codec import Codec
from leveret_broker.envelope import CancelTask, decode
from leveret_broker.errors import DecodeError, LeveretError, SubscriptionLost, TransportClosed
from leveret_broker.transport import Subscription, Transport

PAUSE: Final = 1.0
"""Seconds before taking begins again after an error nobody foresaw."""


class ServiceRunner:
    """Runs the tasks of one service in this node.

    `settings` is what a file says of the service, `registration` what its registration does: both are stronger than
    its code, the file is the strongest.
    `interrupt_grace` are the seconds that a function gets between being told to stop and being given up.
    `clock` gives Unix time. A runner runs once.
    """

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
    ) -> None:
        self._name = name = instance.definition.name
        self._transport = transport
        self._codec = codec
        self._worker = worker
        self._clock = clock
        self._interrupt_grace = interrupt_grace
        self._queue = ServiceQueue(name)
        layers = [layer for layer in (settings, registration) if layer is not None]
        self._executions = executions(instance, layers)
        self._slots = slots(instance, layers, concurrency)
        self._revocations = Revocations(store)
        self._desk = Desk(transport, self._revocations, queue=self._queue, worker=worker, clock=clock)
        self._intake = Intake(
            self._desk, self._revocations, service=name, worker=worker, tasks=self._executions, clock=clock
        )
        self._workshop = Workshop(codec, service=name, worker=worker, grace=interrupt_grace, interceptors=interceptors)
        self._control: Subscription | None = None
        self._subscription: Subscription | None = None
        self._waiting: deque[Job] = deque()
        """Taken, but not started yet."""
        self._jobs: dict[JobKey, Job] = {}
        """Started, not yet acknowledged."""
        self._busy = 0
        """Slots that are taken."""
        self._changed = asyncio.Event()
        self._stopping = asyncio.Event()
        self._stopped = asyncio.Event()
        self._stopped.set()
        self._grace = 0.0

    async def run(self) -> None:
        """Take and run tasks until cancelled or stopped; raises `TransportClosed` when the transport is."""
        self._stopped.clear()
        taking = asyncio.create_task(self._take_for_ever(), name=f"take {self._name}")
        stopping = asyncio.create_task(self._stopping.wait(), name=f"stop {self._name}")
        try:
            await asyncio.wait((taking, stopping), return_when=asyncio.FIRST_COMPLETED)
            if taking.done():
                taking.result()
            await _end(taking)
            await self._finish_what_runs()
        finally:
            await _end(taking, stopping)
            await self._interrupt_what_runs()
            await self._forget_subscription()
            if self._control is not None:
                await self._control.close()
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

    async def _take_for_ever(self) -> None:
        while True:
            try:
                if self._control is None:
                    self._control = await self._transport.subscribe_control(self._hear)
                self._subscription = await self._transport.subscribe_service(self._queue, self._slots)
                await self._take_from(self._subscription)
            except TransportClosed:
                raise
            except SubscriptionLost as error:
                logger.info("service {} lost its subscription, subscribing again: {}", self._name, error)
                await self._forget_subscription()
            except Exception as error:
                text = "service {} stumbled while taking tasks, trying again in {} s: {}"
                known = isinstance(error, LeveretError)
                logger.opt(exception=not known).error(text, self._name, PAUSE, error)
                await self._forget_subscription()
                await asyncio.sleep(PAUSE)

    async def _take_from(self, subscription: Subscription) -> None:
        while True:
            deliveries = await subscription.take()
            admitted = await self._intake.admit(subscription, deliveries)
            self._waiting.extend(job for job in admitted if not self._runs_already(job))
            self._start_what_fits()
            await self._transport.flow()

    async def _forget_subscription(self) -> None:
        """Give back what was not acknowledged. What runs goes on: delivered again, it is recognised by its key."""
        self._waiting.clear()
        subscription, self._subscription = self._subscription, None
        if subscription is not None:
            await subscription.close()

    def _hear(self, body: bytes) -> None:
        """Take note of what comes by the control exchange."""
        try:
            message = decode(body).message
        except DecodeError as error:
            logger.warning("service {} cannot read a control message: {}", self._name, error)
            return
        if isinstance(message, CancelTask):
            self._revocations.remember(message, self._clock())
            for job in tuple(self._jobs.values()):
                if attempts_key(job.task) == message.task_id and job.attempt is not None:
                    job.attempt.interrupt(Why.CANCELLED)

    # -- running ------------------------------------------------------------------------------------------------------

    def _start_what_fits(self) -> None:
        """Start what waits while slots are free.

        The prefetch lets no more come than there are slots, but after a lost subscription what it had started still
        takes slots of its own.
        """
        while self._waiting and self._busy < self._slots and not self._stopping.is_set():
            job = self._waiting.popleft()
            if not self._runs_already(job) and not self._intake.is_cancelled(job):
                self._jobs[job.key] = job
                self._start(job)

    def _runs_already(self, job: Job) -> bool:
        """Tell whether this very attempt runs here; then its acknowledgement covers this delivery as well."""
        running = self._jobs.get(job.key)
        if running is not None:
            running.receipts.extend(job.receipts)
        return running is not None

    def _start(self, job: Job) -> None:
        over, free = partial(self._over, job), partial(self._free, job)
        try:
            execution = self._executions[job.task.name]
            job.attempt = self._workshop.start(execution, job.task, on_over=over, on_free=free)
        except Exception as error:  # before anything was started: its arguments do not fit
            self._conclude(job, misfit(job.task, error, self._codec, self._worker))
            return
        self._busy += 1
        job.free = False

    def _over(self, job: Job, ending: Ending) -> None:
        try:
            verdict = judge(self._executions[job.task.name], job.task, ending, self._codec, self._worker)
            self._conclude(job, verdict)
        except BaseException as error:  # an exception's own methods may raise anything
            logger.exception("service {} stumbled over the end of task {}", self._name, job.task.task_id)
            self._desk.bury(job.body, f"its end could not be handled: {error!r}", partial(self._settle, job))

    def _conclude(self, job: Job, verdict: Verdict) -> None:
        settle = partial(self._settle, job)
        if isinstance(verdict, Tell):
            self._desk.report(job.body, job.task, verdict.outcome, settle)
        elif isinstance(verdict, TryAgain):
            self._desk.retry(
                job.envelope, job.task, settle, delay=verdict.delay, failure=verdict.failure, meta=job.meta
            )
        elif isinstance(verdict, Forget):
            settle()
        else:
            assert isinstance(verdict, GoesBack)

    def _settle(self, job: Job) -> None:
        job.settled = True
        self._changed.set()
        self._close(job)

    def _free(self, job: Job) -> None:
        self._busy -= 1
        job.free = True
        self._changed.set()
        self._close(job)
        self._start_what_fits()

    def _close(self, job: Job) -> None:
        """Acknowledge a job that is settled and runs no more: one that was given up keeps its part of the prefetch."""
        if job.settled and job.free:
            job.acknowledge()
            job.attempt = None  # which knows the job: the garbage collector shall have no work with the two
            self._jobs.pop(job.key, None)

    # -- stopping -----------------------------------------------------------------------------------------------------

    async def _finish_what_runs(self) -> None:
        try:
            async with asyncio.timeout(self._grace):
                await self._until(lambda: all(job.settled for job in self._jobs.values()))
                await self._desk.settle()
        except TimeoutError:
            left = sum(not job.settled for job in self._jobs.values())
            logger.warning("service {} stops with {} tasks unfinished; they go back to the queue", self._name, left)

    async def _interrupt_what_runs(self) -> None:
        """Stop what runs, without an outcome, and acknowledge what has one though its function never ended."""
        for job in tuple(self._jobs.values()):
            if job.settled:
                job.acknowledge()
            elif job.attempt is not None:
                job.attempt.interrupt(Why.STOPPED)
        try:
            async with asyncio.timeout(self._interrupt_grace):
                await self._until(lambda: all(job.free for job in self._jobs.values()))
        except TimeoutError:
            logger.warning("service {} leaves functions behind that do not stop", self._name)

    async def _until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            self._changed.clear()
            await self._changed.wait()


async def _end(*tasks: asyncio.Task[Any]) -> None:
    """Cancel these and wait for them."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
