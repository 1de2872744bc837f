"""Threads for sync functions."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import TypeVar

T = TypeVar("T")


class Threads:
    """As many threads as are busy at once, kept for reuse; how many that may be is up to the caller.

    They are daemons, unlike those of `concurrent.futures`: a function that never returns must not keep a process from
    ending once its node has stopped. What they run must not raise.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._calls: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._count = 0
        self._busy = 0

    def run(self, function: Callable[[], T]) -> asyncio.Future[T]:
        """Call `function` in a thread and return the future of its result; cancelling it stops nothing."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()

        def finish(result: T) -> None:
            self._busy -= 1
            if not future.done():
                future.set_result(result)

        def call() -> None:
            result = function()
            if not loop.is_closed():  # nobody is left to be told
                loop.call_soon_threadsafe(finish, result)

        self._busy += 1
        if self._busy > self._count:
            self._count += 1
            threading.Thread(target=self._work, name=f"{self._name}-{self._count}", daemon=True).start()
        self._calls.put(call)
        return future

    def close(self) -> None:
        """End the threads, each when its function returns."""
        for _ in range(self._count):
            self._calls.put(None)

    def _work(self) -> None:
        while (call := self._calls.get()) is not None:
            call()
