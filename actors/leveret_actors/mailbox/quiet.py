"""Quiet at a node while an actor is tried alone, so that a death then tells of this actor and of no other."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

PATIENCE: Final = 1.0
"""Seconds that one side waits for the other at most: a step that is stuck must not hold up the other queues."""


class Quiet:
    """One per node: batches of its queues go side by side, actors tried alone go by themselves."""

    def __init__(self) -> None:
        """Begin with nobody at work."""
        self._batches = 0
        self._tries = 0
        self._changed = asyncio.Event()

    @asynccontextmanager
    async def among_others(self) -> AsyncGenerator[None]:
        """Work beside other batches, but not beside an actor that is tried alone."""
        if self._tries:
            await self._until(lambda: not self._tries)
        self._batches += 1
        try:
            yield
        finally:
            self._batches -= 1
            self._changed.set()

    @asynccontextmanager
    async def alone(self) -> AsyncGenerator[None]:
        """Work while no batch is under way and nobody else is tried."""
        await self._until(lambda: not self._tries)
        self._tries += 1
        try:
            await self._until(lambda: not self._batches)
            yield
        finally:
            self._tries -= 1
            self._changed.set()

    async def _until(self, true: Callable[[], bool]) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                while not true():
                    self._changed.clear()
                    await self._changed.wait()
