"""Background tasks that are neither collected early nor die in silence."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from loguru import logger

from leveret_broker.ending import end


class Tasks:
    """The tasks that one object has running."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[Any]] = set()

    def spawn(self, coroutine: Coroutine[Any, Any, object], name: str) -> asyncio.Task[Any]:
        """Run a coroutine beside the rest; what it raises is logged."""
        task = asyncio.create_task(coroutine, name=f"leveret {name}")
        self._running.add(task)
        task.add_done_callback(self._ended)
        return task

    async def cancel(self) -> None:
        """End all of them and wait until they have ended."""
        running = [task for task in self._running if task is not asyncio.current_task()]
        await end(*running)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.opt(exception=error).error("The task {!r} failed", task.get_name())
