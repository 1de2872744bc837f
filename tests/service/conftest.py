from collections.abc import AsyncIterator

import pytest_asyncio

from tests.service.world import World


@pytest_asyncio.fixture
async def world() -> AsyncIterator[World]:
    world = World()
    await world.open()
    yield world
    await world.close()
