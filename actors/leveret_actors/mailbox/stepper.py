"""Where workflow code runs: off the I/O loop, in one thread, so that a slow step delays no heartbeat and no socket."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol, TypeVar

T = TypeVar("T")


class Stepper(Protocol):
    """Runs pure, blocking functions for the mailbox loops."""

    async def run(self, function: Callable[[], T]) -> T:
        """Return what `function` returns; it is not interrupted by a cancellation."""
        ...

    def close(self) -> None:
        """Free what it holds."""
        ...


class ThreadStepper:
    """One thread for all mailbox queues of a node."""

    def __init__(self) -> None:
        """Start no thread before the first function."""
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="leveret-step")

    async def run(self, function: Callable[[], T]) -> T:
        """Return what `function` returns, from the thread; a cancellation comes through once it is done."""
        future = asyncio.get_running_loop().run_in_executor(self._executor, function)
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            await asyncio.wait((future,))
            raise

    def close(self) -> None:
        """End the thread once it is idle."""
        self._executor.shutdown(wait=True)
