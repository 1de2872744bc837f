from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.service.world import World


@pytest_asyncio.fixture
async def memory_world() -> AsyncIterator[World]:
    """A world with faults to inject."""
    world = World()
    await world.open()
    yield world
    await world.close()


@pytest_asyncio.fixture(params=["memory", "sqlite"])
async def world(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    world = World(None if request.param == "memory" else tmp_path / "world.db")
    await world.open()
    yield world
    await world.close()
