"""Which services are paused, as far as a node knows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from typing import cast

import pytest

from leveret_actors.service import pausing
from leveret_actors.service.pausing import Pauses
from leveret_actors.store.contract import Store
from leveret_broker.embedded.memory import MemoryTransport
from leveret_broker.errors import StoreUnavailable
from leveret_broker.ids import new_id

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
