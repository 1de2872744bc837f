"""A client and at most one node on a namespace of their own; every instance a test starts is replayed at its end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final, TypeVar

from leveret import Client, Handle, listener
from leveret.events import Event
from leveret.interceptors import TaskInterceptor, WorkflowInterceptor
from leveret.url import Url
from leveret.workflow import definition_of
from leveret_actors.backends import backends
from leveret_actors.node import Node
from leveret_actors.settings import LeaseSettings, Retention, ServiceSettings, Settings
from leveret_actors.store.contract import DeadLetter, Store
from leveret_actors.store.leases import Lease
from leveret_broker.address import MailboxQueue
from leveret_broker.envelope import Description
from tests.conformance.bench import SteeredBench
from tests.conformance.cold import assert_it_repeats

DEADLINE: Final = 60.0
"""Seconds after which something that must happen counts as never happening."""

E = TypeVar("E", bound=Event)

Row = dict[str, Any]
"""The data of a description."""


class House:
    """What a test talks to: `open` a node, `start` instances, look at them.

    The client may be used directly; then say `remember`, so that the instance is replayed as well.
    """

    def __init__(self, url: str, client: Client) -> None:
        """Begin without a node."""
        self.url = url
        self.client = client
        self.node: Node | None = None
        self._others: list[Node] = []
        self._settings = Settings()
        self._workflows: tuple[type[Any], ...] = ()
        self._services: tuple[object, ...] = ()
        self._interceptors: tuple[WorkflowInterceptor | TaskInterceptor, ...] = ()
        self.events: list[Event] = []
        """What the listener has heard, each once."""
        self._listeners: list[Callable[[Event], Awaitable[None]]] = []
        self._started: list[tuple[type[Any], Handle[Any]]] = []

    # -- the node -----------------------------------------------------------------------------------------------------

    async def open(
        self,
        *workflows: type[Any],
        services: tuple[object, ...] = (),
        configured: Mapping[str, ServiceSettings] | None = None,
        interceptors: tuple[WorkflowInterceptor | TaskInterceptor, ...] = (),
        evict: bool = False,
        leases: LeaseSettings | None = None,
        fold_after: int = 500,
        retention: Retention | None = None,
        listens: bool = False,
    ) -> None:
        """Run a node; `evict` makes it forget every actor after each of its turns, `listens` has it fill `events`.

        `configured` is what its configuration says of its services.
        """
        self._workflows, self._services, self._interceptors = workflows, services, interceptors
        cached = 0 if evict else 10_000
        self._listeners = [self._listener()] if listens else []
        self._settings = Settings(
            mailboxes=1,
            heartbeat=0.2,
            grace=5.0,
            cache_actors=cached,
            services=configured or {},
            leases=leases or LeaseSettings(wait=0.2),
            fold_after=fold_after,
            retention=retention or Retention(),
        )
        await self.resume()

    async def stop(self) -> None:
        """Stop the node gracefully; nothing when there is none."""
        node, self.node = self.node, None
        if node is not None:
            await node.__aexit__(None, None, None)

    async def close(self) -> None:
        """Let go what benches hold back, and stop the node."""
        for service in self._services:
            if isinstance(service, SteeredBench):
                service.finish()
        for node in self._others:
            await node.__aexit__(None, None, None)
        await self.stop()

    async def resume(self) -> None:
        """Run a new node with what the last one had."""
        self.node = Node(
            self.url,
            workflows=self._workflows,
            services=self._services,
            settings=self._settings,
            listeners=self._listeners,
            interceptors=self._interceptors,
        )
        await self.node.__aenter__()

    async def reinforce(self, *services: object) -> Node:
        """Run another node beside, with these services and the settings of the first; it stops with the house."""
        node = Node(self.url, services=services, settings=self._settings)
        await node.__aenter__()
        self._others.append(node)
        return node

    async def restart(self) -> None:
        """Stop the node and run a new one: nothing is left in memory."""
        await self.stop()
        await self.resume()

    # -- instances ----------------------------------------------------------------------------------------------------

    async def start(self, workflow: type[Any], *args: Any, method: str = "run", **options: Any) -> Handle[Any]:
        """Start an instance and do not wait; `options` are those of `Client.new`."""
        stub = self.client.new(workflow, **options)
        return self.remember(workflow, await self.client.dispatch(getattr(stub, method), *args))

    async def call(self, workflow: type[Any], *args: Any, method: str = "run", **options: Any) -> Any:
        """Start an instance and wait for its result."""
        handle = await self.start(workflow, *args, method=method, **options)
        return await handle.result(DEADLINE)

    def remember(self, workflow: type[Any], handle: Handle[Any]) -> Handle[Any]:
        """Have an instance replayed at the end of the test."""
        self._started.append((workflow, handle))
        return handle

    async def describe(self, handle: Handle[Any]) -> Row:
        """Return what an instance is and waits for; it must exist."""
        description: Description = await handle.describe(DEADLINE)
        assert description.found, description.data
        return description.data

    async def described(self, handle: Handle[Any], condition: Callable[[Row], bool]) -> Row:
        """Ask again and again until the description fulfils a condition."""
        row: Row = {}
        try:
            async with asyncio.timeout(DEADLINE):
                while not (row and condition(row)):
                    description: Description = await handle.describe(DEADLINE)
                    row = description.data if description.found else {}
        except TimeoutError:
            raise AssertionError(f"this never came about; the last description is {row}") from None
        return row

    async def waiting(self, handle: Handle[Any], kind: str = "", count: int = 1) -> Row:
        """Wait until an instance waits for `count` commands of a kind (any kind when empty)."""
        return await self.described(handle, lambda row: len(pending(row, kind)) == count)

    async def status(self, handle: Handle[Any], status: str) -> Row:
        """Wait until an instance has a status."""
        return await self.described(handle, lambda row: row["status"] == status)

    async def journal(self, handle: Handle[Any]) -> list[bytes]:
        """Return the encoded records of an instance's journal."""
        return [record async for record in handle.history(timeout=DEADLINE)]

    # -- the store ----------------------------------------------------------------------------------------------------

    async def dead_letters(self, count: int) -> list[DeadLetter]:
        """Wait until there are so many dead letters, and return them."""
        async with self._store() as store, asyncio.timeout(DEADLINE):
            while len(letters := await store.dead_letters("", 100)) < count:
                await asyncio.sleep(0)
        return letters

    async def lease(self, task_id: str, status: str) -> Lease:
        """Wait until the lease of a task has a status, and return it."""
        async with self._store() as store, asyncio.timeout(DEADLINE):
            while (lease := (await store.find_leases([task_id]))[0]) is None or lease.status != status:
                await asyncio.sleep(0.005)
        return lease

    async def now(self) -> float:
        """Return the store's time."""
        async with self._store() as store:
            return await store.clock()

    async def next_timer(self, workflow: type[Any]) -> float:
        """Return when the first durable timer of a workflow's only mailbox queue is due, 0 when there is none."""
        async with self._store() as store:
            due = await store.due(MailboxQueue(definition_of(workflow).name, 0), 1)
        return due.timers[0].at if due.timers else due.next_due

    async def told(self, kind: type[E], count: int = 1) -> list[E]:
        """Wait until the listener has heard so many events of a kind, and return them."""
        async with asyncio.timeout(DEADLINE):
            while len(found := [event for event in self.events if isinstance(event, kind)]) < count:
                await asyncio.sleep(0)
        return found

    def _listener(self) -> Callable[[Event], Awaitable[None]]:
        @listener(group="house")
        async def hear(event: Event) -> None:
            if event.id not in {one.id for one in self.events}:
                self.events.append(event)

        return hear

    async def until(self, at: float) -> None:
        """Wait until the store's clock shows a time."""
        async with self._store() as store, asyncio.timeout(DEADLINE):
            while await store.clock() < at:
                await asyncio.sleep(0)

    @asynccontextmanager
    async def _store(self) -> AsyncGenerator[Store]:
        _, store = backends(Url.parse(self.url))
        await store.open(DEADLINE)
        try:
            yield store
        finally:
            await store.close()

    # -- the end of a test --------------------------------------------------------------------------------------------

    async def replay(self) -> None:
        """Read the journal of every instance through the client and repeat it on a cold actor."""
        if self._started and self.node is None:
            await self.resume()
        for (workflow, instance), handle in {(cls, handle.id): handle for cls, handle in self._started}.items():
            records = await self.journal(handle)
            assert records, f"{definition_of(workflow).name} {instance!r} has no journal"
            around = tuple(one for one in self._interceptors if isinstance(one, WorkflowInterceptor))
            assert_it_repeats(workflow, instance, records, around)


def pending(row: Row, kind: str = "") -> list[Row]:
    """Return the commands that an instance waits for, by number."""
    return [command for command in row["pending"] if kind in {"", command["kind"]}]
