"""An event loop in a thread of its own, for code that blocks."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Coroutine
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import AbstractAsyncContextManager
from typing import Any, Final, TypeVar

from leveret_broker.errors import ConfigurationError, TransportClosed

R = TypeVar("R")

LAST_WORDS: Final = 5.0
"""Seconds that whoever still waits has to hear of the end."""


def refuse_on_a_loop(what: str, instead: str) -> None:
    """Raise `ConfigurationError` in async functions, whose event loop would stand still."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    raise ConfigurationError(f"{what} blocks: in async functions use {instead}")


class LoopThread:
    """Opens something asynchronous in a thread, and runs what is asked of it there; safe to share by threads."""

    def __init__(self, hosted: AbstractAsyncContextManager[object], name: str) -> None:
        """Start the thread and wait until it is open; raises what opening raises.

        A process that ends without `close` ends at once: the thread is a daemon.
        """
        self._hosted = hosted
        self._opened: Future[asyncio.AbstractEventLoop] = Future()
        self._closing = asyncio.Event()
        self._over: Future[Any] = Future()
        """Done when the thread ends: what its loop was asked for too late is never done."""
        self._process = os.getpid()
        self._thread = threading.Thread(target=self._live, name=name, daemon=True)
        self._thread.start()
        self._loop = self._opened.result()

    def run(self, call: Coroutine[Any, Any, R]) -> R:
        """Wait for a call; raises `TransportClosed` when closed, `ConfigurationError` in a process forked later."""
        try:
            self._check_process()
            future = asyncio.run_coroutine_threadsafe(call, self._loop)
        except RuntimeError as error:
            call.close()
            raise TransportClosed("the client is closed") from error
        except ConfigurationError:
            call.close()
            raise
        try:
            wait((future, self._over), return_when=FIRST_COMPLETED)
            if not future.done():
                raise TransportClosed("the client was closed meanwhile")
            return future.result()
        finally:
            future.cancel()  # whoever is interrupted waits no longer

    def close(self) -> None:
        """Close what was opened and end the thread. A second time, and in a process that was forked later: nothing."""
        if self._thread.is_alive():  # not in a process that was forked later
            self._loop.call_soon_threadsafe(self._closing.set)
            self._thread.join()

    def _live(self) -> None:
        try:
            asyncio.run(self._host())
        except BaseException as error:
            if self._opened.done():
                raise
            self._opened.set_exception(error)
        finally:
            self._over.set_result(None)

    async def _host(self) -> None:
        async with self._hosted:
            self._opened.set_result(asyncio.get_running_loop())
            await self._closing.wait()
        if waiting := asyncio.all_tasks() - {asyncio.current_task()}:
            await asyncio.wait(waiting, timeout=LAST_WORDS)

    def _check_process(self) -> None:
        if self._process != os.getpid():
            raise ConfigurationError(
                f"this client was opened in process {self._process}, before a fork, and its thread stayed there:"
                " open one in each process (`client.open()` where it is used, not where the module is imported)"
            )
