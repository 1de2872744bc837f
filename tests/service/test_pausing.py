"""Which services are paused, as far as a node knows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from typing import cast

import pytest
from loguru import logger

from leveret_actors.service import pausing
from leveret_actors.service.pausing import Pauses
from leveret_actors.store.contract import Store
from leveret_broker.address import CONTROL
from leveret_broker.embedded.memory import MemoryTransport
from leveret_broker.envelope import ClientCaller, Envelope, PauseService, encode
from leveret_broker.errors import StoreRefused, StoreUnavailable
from leveret_broker.ids import new_id
from tests.service.test_leases import AT_ONCE, Ship, with_status
from tests.service.world import World

pytestmark = pytest.mark.timeout(20)


class Shelf:
    """What a store says of pauses; away until it is told to answer."""

    def __init__(self) -> None:
        self.says: set[str] | None = None
        self.asked = 0

    async def paused(self) -> set[str]:
        self.asked += 1
        if self.says is None:
            raise StoreUnavailable("away")
        return self.says

    async def asked_again(self) -> None:
        """Wait until one more answer has been taken in."""
        before = self.asked
        while self.asked < before + 2:
            await asyncio.sleep(0)


@asynccontextmanager
async def watching(shelf: Shelf) -> AsyncGenerator[Pauses]:
    transport = MemoryTransport(new_id(), "t")
    await transport.open()
    pauses = Pauses(cast("Store", shelf), transport)
    running = asyncio.create_task(pauses.run())
    yield pauses
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
    await transport.close()


@pytest.fixture
def shelf(monkeypatch: pytest.MonkeyPatch) -> Shelf:
    monkeypatch.setattr(pausing, "ASK", 0.001)
    return Shelf()


async def test_S13_nothing_is_begun_before_it_is_known_who_is_paused(shelf: Shelf) -> None:
    async with watching(shelf) as pauses:
        begins = asyncio.create_task(pauses.until("Mails", paused=False))
        await shelf.asked_again()
        before = begins.done()
        shelf.says = set()
        await begins

    assert not before


async def test_S13_what_the_store_said_last_holds_while_it_is_away(shelf: Shelf) -> None:
    async with watching(shelf) as pauses:
        shelf.says = {"Mails"}
        await pauses.until("Mails", paused=True)
        shelf.says = None
        await shelf.asked_again()

        assert pauses.is_paused("Mails")
        assert not pauses.is_paused("Desk")


async def test_S13_a_node_that_may_not_write_says_that_it_cannot_pause(memory_world: World) -> None:
    world, said = memory_world, asyncio.Queue[str]()

    def fault(name: str, _: bool) -> None:
        if name == "pause":
            raise StoreRefused("the user lacks a permission")

    world.room.fault = fault
    logger.enable("leveret_actors")
    sink = logger.add(lambda text: said.put_nowait(str(text)), level="WARNING", format="{message}")
    running = asyncio.create_task(Pauses(world.store, world.transport).run())
    await world.settle()
    asked = PauseService("Mails", True, ClientCaller("me", "r"))
    await world.transport.publish(CONTROL, encode(Envelope("p", "", asked)))
    async with asyncio.timeout(10):
        text = await said.get()
    logger.remove(sink)
    running.cancel()

    assert text == "service Mails cannot be paused or resumed: the user lacks a permission\n"


async def test_S13_a_paused_service_takes_no_more_while_what_it_has_under_leases_runs_on(
    memory_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pausing, "ASK", 0.001)
    monkeypatch.setattr(pausing, "IDLE", 0.001)
    world, ship = memory_world, Ship()
    pauses = Pauses(world.store, world.transport)
    world.others.append(asyncio.create_task(pauses.run()))
    worker = await world.start(ship, leases=AT_ONCE, pauses=pauses)
    first = await world.send("Ship.sail")
    await with_status(world, first.task_id, "running")

    await world.store.pause("Ship", paused=True)
    await world.until(lambda: not worker.runner._taking.subscriptions)
    second = await world.send("Ship.sail")
    ship.go.set()

    assert await world.value() == "landed"
    assert (ship.calls, world.left("Ship")) == ({first.task_id: 1}, 1)
    await world.store.pause("Ship", paused=False)
    assert await world.value() == "landed"
    assert ship.calls[second.task_id] == 1
