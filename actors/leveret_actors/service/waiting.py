"""Waiting for several things at once, and for a store that is away."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final, TypeVar

from loguru import logger

from leveret_broker.ending import end
from leveret_broker.errors import StoreUnavailable

T = TypeVar("T")

PAUSE: Final = 1.0
"""Seconds before the store is asked again."""


async def until_stored(call: Callable[[], Awaitable[T]]) -> T:
    """Ask the store until it answers; what it refuses is raised."""
    while True:
        try:
            return await call()
        except StoreUnavailable as error:
            logger.warning("the store does not answer, trying again in {} s: {}", PAUSE, error)
            await asyncio.sleep(PAUSE)


async def until(stop: Coroutine[Any, Any, None], work: Coroutine[Any, Any, None]) -> None:
    """Do `work` until `stop` returns, or raise what either does.

    The work is done in this very task: who awaits it learns what it raises at once, not some steps of the loop later.
    """
    stopping = asyncio.create_task(stop)
    scope = asyncio.timeout(None)

    def stopped(_: asyncio.Task[None]) -> None:
        scope.reschedule(0)  # a time that has passed

    try:
        async with scope:
            stopping.add_done_callback(stopped)
            await work
    except TimeoutError:
        if not scope.expired():
            raise
        stopping.result()
    finally:
        stopping.remove_done_callback(stopped)
        stopping.cancel()


async def side_by_side(*works: Coroutine[Any, Any, None]) -> None:
    """Do all of these, until one of them ends or raises; a single one in this very task."""
    if len(works) == 1:
        await works[0]
        return
    tasks = [asyncio.create_task(work) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        await end(*tasks)
