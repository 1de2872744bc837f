"""A node as a process sees it: opened once, stopped by a signal, ended by what waiting cannot mend."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest

from leveret import ConfigurationError, workflow
from leveret_actors import Node, Settings
from leveret_actors.store.memory import MemoryStore
from leveret_broker.embedded.memory import MemoryTransport
from leveret_broker.errors import StoreRefused


@workflow.define(name="Idle", version=1)
class Idle:
    async def run(self) -> None:
        """Do nothing."""


@workflow.define(name="Idle", version=1)
class AnotherIdle:
    async def run(self) -> None:
        """Do nothing."""


class CountedStore(MemoryStore):
    """Tells when and how often it was opened and closed; may stay away for ever, or refuse."""

    def __init__(self, name: str, *, answers: bool = True, refuses: bool = False) -> None:
        super().__init__(name)
        self.opened = self.closed = 0
        self.asked = asyncio.Event()
        self._answers = answers
        self._refuses = refuses

    async def open(self, deadline: float | None = None) -> None:
        self.asked.set()
        if self._refuses:
            raise StoreRefused("it evicts")
        if not self._answers:
            await asyncio.Event().wait()
        await super().open(deadline)
        self.opened += 1

    async def close(self) -> None:
        await super().close()
        self.closed += 1


def node(name: str, store: CountedStore) -> Node:
    return Node(transport=MemoryTransport(name, "n"), store=store, workflows=[Idle])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_stops_a_node_that_was_opened_once(number: signal.Signals) -> None:
    store = CountedStore(f"signal {number}")
    observer = MemoryStore(f"signal {number}")
    await observer.open()
    running = asyncio.create_task(node(f"signal {number}", store).run())
    while not await observer.nodes():
        await asyncio.sleep(0)

    os.kill(os.getpid(), number)
    await asyncio.wait_for(running, 10)

    assert (store.opened, store.closed) == (1, 1)
    assert await observer.nodes() == []


async def test_a_signal_stops_a_node_whose_servers_are_not_up() -> None:
    store = CountedStore("away", answers=False)
    running = asyncio.create_task(node("away", store).run())
    await store.asked.wait()

    os.kill(os.getpid(), signal.SIGTERM)

    await asyncio.wait_for(running, 10)


async def test_a_store_that_refuses_ends_the_node_with_its_reason() -> None:
    store = CountedStore("refuses", refuses=True)

    with pytest.raises(StoreRefused, match="it evicts"):
        await asyncio.wait_for(node("refuses", store).run(), 10)


def test_a_name_that_cannot_stand_in_one_line_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="the name of the node"):
        Node("memory://named", workflows=[Idle], name="two\nlines")


async def test_two_classes_of_one_name_and_version_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="give one of them another version"):
        Node("memory://twice", workflows=[Idle, AnotherIdle])


async def test_a_node_that_the_broker_has_given_up_does_not_count_as_living() -> None:
    clock = [1000.0]
    observer = MemoryStore("cut off", clock=lambda: clock[0])
    await observer.open()
    transport = MemoryTransport("cut off", "n")
    async with Node(
        transport=transport,
        store=MemoryStore("cut off", clock=lambda: clock[0]),
        settings=Settings(heartbeat=0.001),
    ):
        while not await observer.nodes():
            await asyncio.sleep(0)

        transport.hub.cut(transport)
        clock[0] += 1
        for _ in range(200):
            await asyncio.sleep(0)
        living = await observer.nodes()

        transport.hub.relink(transport)
        while not await observer.nodes():
            await asyncio.sleep(0)
    assert living == []
