"""A caller, a broker, a store and as many workers as a test wants, in one process."""

import asyncio
import secrets
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from leveret import service
from leveret.interceptors import TaskInterceptor
from leveret_actors.router import DeadLetterRouter
from leveret_actors.service import LeaseKeeper, LeaseSweeper, ServiceRunner
from leveret_actors.service.pausing import Pauses
from leveret_actors.settings import LeaseSettings, ServiceSettings
from leveret_actors.store.contract import DeadLetter, Store
from leveret_actors.store.memory import MemoryStore, Room
from leveret_actors.store.sqlite import SqliteStore
from leveret_broker.address import CONTROL, MailboxQueue, ServiceQueue
from leveret_broker.codec import Codec
from leveret_broker.embedded.database import Database
from leveret_broker.embedded.hub import MemoryHub
from leveret_broker.embedded.memory import MemoryTransport
from leveret_broker.embedded.sqlite import SqliteTransport
from leveret_broker.envelope import CancelTask, Ended, Envelope, Task, WorkflowCaller, decode, encode
from leveret_broker.errors import TransportClosed
from leveret_broker.outcome import Completed, Failed, Failure
from leveret_broker.transport import Subscription, Transport

MAILBOX = MailboxQueue("Flow", 0)
SHORT_WAIT = LeaseSettings(wait=0.01)


class Worker:
    """A node with one service; `crash` is kill -9."""

    def __init__(self, world: "World", transport: Transport, store: Store, runner: ServiceRunner) -> None:
        self.transport = transport
        self.store = store
        self.runner = runner
        self.running = asyncio.create_task(runner.run())

    async def crash(self) -> None:
        assert isinstance(self.transport, MemoryTransport)
        await self.store.close()  # a dead process does not write either
        self.transport.hub.crash(self.transport)
        with suppress(TransportClosed, asyncio.CancelledError):
            await self.running

    def cut(self) -> None:
        """Make it a zombie."""
        assert isinstance(self.transport, MemoryTransport)
        self.transport.hub.cut(self.transport)

    def relink(self) -> None:
        """Give its connection back."""
        assert isinstance(self.transport, MemoryTransport)
        self.transport.hub.relink(self.transport)

    async def stop(self, grace: float = 10.0) -> None:
        await self.runner.stop(grace)
        await self.running


class World:
    """Everything shares one hub, or one file; the test is the workflow that calls."""

    def __init__(self, path: Path | None = None) -> None:
        self.path = path
        self.hub = secrets.token_hex(5)
        self.codec = Codec()
        self.workers: list[Worker] = []
        self.others: list[asyncio.Task[None]] = []
        self.transport = self.new_transport()
        self.store = self._new_store()
        self._mailbox: Subscription | None = None
        self._arrived: list[Envelope] = []

    def new_transport(self) -> Transport:
        if self.path is not None:
            return SqliteTransport(Database(self.path), "t")
        return MemoryTransport(self.hub, "t")

    def _new_store(self) -> Store:
        if self.path is not None:
            return SqliteStore(Database(self.path), "t")
        return MemoryStore(self.hub)

    @property
    def memory(self) -> MemoryHub:
        """The hub, with its faults."""
        assert isinstance(self.transport, MemoryTransport)
        return self.transport.hub

    @property
    def room(self) -> Room:
        """The store's, with its faults."""
        assert isinstance(self.store, MemoryStore)
        return self.store.room

    async def open(self) -> None:
        await self.transport.open()
        await self.store.open()
        self._mailbox = await self.transport.subscribe_mailbox(MAILBOX)

    async def close(self) -> None:
        for worker in self.workers:
            worker.running.cancel()
        for task in self.others:
            task.cancel()
        await asyncio.gather(*(w.running for w in self.workers), *self.others, return_exceptions=True)
        for transport in (self.transport, *(w.transport for w in self.workers)):
            await transport.close()
        await self.store.close()

    async def start(
        self,
        target: Any,
        *,
        name: str = "w1",
        concurrency: int = 4,
        settings: ServiceSettings | None = None,
        registration: ServiceSettings | None = None,
        codec: Codec | None = None,
        grace: float = 5.0,
        interceptors: tuple[TaskInterceptor, ...] = (),
        leases: LeaseSettings = SHORT_WAIT,
        pauses: Pauses | None = None,
    ) -> Worker:
        transport = self.new_transport()
        await transport.open()
        store = self.store
        if self.path is None:
            store = self._new_store()
            await store.open()
        instance = service.instance(target)
        runner = ServiceRunner(
            instance,
            transport,
            store,
            codec or self.codec,
            worker=name,
            concurrency=concurrency,
            settings=settings,
            registration=registration or instance.settings,
            interrupt_grace=grace,
            interceptors=interceptors,
            leases=LeaseKeeper(store, holder=name, settings=leases),
            pauses=pauses,
        )
        worker = Worker(self, transport, store, runner)
        self.workers.append(worker)
        return worker

    async def route_dead_letters(self) -> None:
        self.others.append(asyncio.create_task(DeadLetterRouter(self.transport, self.store).run()))

    def sweeper(self, settings: LeaseSettings | None = None) -> LeaseSweeper:
        """Return one that sweeps when it is asked to."""
        return LeaseSweeper(self.transport, self.store, node="n", settings=settings)

    async def send(self, name: str, arguments: dict[str, Any] | None = None, **fields: Any) -> Task:
        """Publish a task `Service.name`; `fields` are those of the envelope's `Task`."""
        service_name, _, task_name = name.partition(".")
        number = len(self._arrived) + 1
        fields.setdefault("task_id", f"run.{secrets.token_hex(3)}")
        fields.setdefault("caller", WorkflowCaller(MAILBOX, "i1", "run", number))
        task = Task(service=service_name, name=task_name, arguments=self.codec.dump(arguments or {}), **fields)
        await self.transport.publish(task.queue, encode(Envelope(task.task_id, "", task)))
        return task

    async def publish(self, service_name: str, body: bytes) -> None:
        await self.transport.publish(ServiceQueue(service_name), body)

    async def cancel(self, task_id: str, until: float, reason: str = "") -> None:
        await self.transport.publish(CONTROL, encode(Envelope("c", "", CancelTask(task_id, until, reason))))

    async def ended(self) -> Envelope:
        """Return the next outcome that arrives, with its address label."""
        assert self._mailbox is not None
        while not self._arrived:
            deliveries = await self._mailbox.take()
            self._arrived.extend(decode(body) for one in deliveries for body in one.bodies)
            self._mailbox.acknowledge(deliveries)
        return self._arrived.pop(0)

    async def outcome(self) -> Any:
        envelope = await self.ended()
        assert isinstance(envelope.message, Ended)
        return envelope.message.outcome

    async def value(self) -> Any:
        outcome = await self.outcome()
        assert isinstance(outcome, Completed), outcome
        return self.codec.load(outcome.value)

    async def failure(self) -> Failure:
        outcome = await self.outcome()
        assert isinstance(outcome, Failed), outcome
        return outcome.failure

    async def empty(self, service_name: str) -> None:
        """Wait until nothing of the service is queued or unacknowledged."""
        await self.until(lambda: self.left(service_name) == 0)

    def left(self, service_name: str) -> int:
        """Count what is queued or unacknowledged."""
        if self.path is not None:
            with closing(sqlite3.connect(self.path)) as database:
                (count,) = database.execute("SELECT count(*) FROM tasks").fetchone()
                return int(count)
        queue = self.memory.queue("t", ServiceQueue(service_name))
        return len(queue.items) + sum(len(one._unacknowledged) for one in queue.consumers)

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not condition():
                await asyncio.sleep(0 if self.path is None else 0.005)

    async def settle(self) -> None:
        """Let everything that is ready run."""
        for _ in range(50):
            await asyncio.sleep(0)

    async def letter(self) -> DeadLetter:
        """Wait for a dead letter in the store."""
        async with asyncio.timeout(10):
            while not (letters := await self.store.dead_letters("", 10)):
                await asyncio.sleep(0)
        (letter,) = letters
        return letter
