"""Where workflow code runs: off the I/O loop, in one thread, so that a slow step delays no heartbeat and no socket."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from typing import Any, Final, Protocol, TypeAlias, TypeVar

from loguru import logger

from leveret_actors.mailbox.overrun import LOOKS, Overrun

T = TypeVar("T")

MOST: Final = 8
"""Threads of one node, all but one of them stuck."""
STUCK: Final = 60.0
"""Seconds after which a step without a budget gives its thread away."""
PATIENCE: Final = 5.0
"""Seconds that a step gets to end when whoever waits for it is cancelled."""

_Work: TypeAlias = "SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None]"


class Stepper(Protocol):
    """Runs pure, blocking functions for the mailbox loops."""

    async def run(self, function: Callable[[], T]) -> T:
        """Return what `function` returns; it is not interrupted by a cancellation."""
        ...

    def close(self) -> None:
        """Free what it holds."""
        ...


class ThreadStepper:
    """One thread for all mailbox queues of a node; while a step is stuck in it, another one does its work."""

    def __init__(self, budget: float = 0.0) -> None:
        """Start no thread before the first function; `budget` is the seconds that one step may take.

        0 says nothing about how long; after `STUCK` it counts as stuck all the same: the other actors wait for it.
        """
        self._budget = budget or STUCK
        self._work: _Work = SimpleQueue()
        self._workers: list[_Worker] = []
        self._waiting = 0
        self._watch: asyncio.TimerHandle | None = None

    async def run(self, function: Callable[[], T]) -> T:
        """Return what `function` returns, from a thread.

        A cancellation comes through once it is done, or after `PATIENCE`: code that never ends must not keep a node
        from ending.
        """
        if not self._workers:
            self._workers.append(_Worker(self._work, self._budget))
        done: Future[T] = Future()
        self._work.put((done, function))
        future = asyncio.wrap_future(done)
        self._waiting += 1
        self._watch_on()
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            await asyncio.wait((future,), timeout=PATIENCE)
            self._leave_behind(done)
            raise
        finally:
            self._waiting -= 1

    def close(self) -> None:
        """End the threads; those that are stuck end with the process."""
        workers, self._workers = self._workers, []
        for worker in workers:
            if not worker.relieved:
                self._work.put(None)
        for worker in workers:
            if not worker.relieved:
                worker.thread.join()

    def _leave_behind(self, step: Future[Any]) -> None:
        """Let somebody else do the work of the thread that this step is stuck in, if it is."""
        if step.done() or step.cancel():
            return
        for worker in self._workers:
            if worker.step is step and not worker.relieved:
                logger.warning("a step that has not ended within {:g} s is left behind", PATIENCE)
                worker.relieved = True
                self._workers.append(_Worker(self._work, self._budget))
                return

    def _watch_on(self) -> None:
        if self._watch is None:
            self._watch = asyncio.get_running_loop().call_later(self._budget / LOOKS, self._look)

    def _look(self) -> None:
        self._watch = None
        if not self._waiting:
            return
        now = asyncio.get_running_loop().time()
        self._workers = [worker for worker in self._workers if worker.thread.is_alive()]
        for worker in list(self._workers):
            if worker.overrun.look(now) and len(self._workers) < MOST:
                worker.relieved = True
                self._workers.append(_Worker(self._work, self._budget))
        self._watch_on()


class _Worker:
    """A thread that does one function after another; once relieved, it ends after the one it is at."""

    def __init__(self, work: _Work, budget: float) -> None:
        self.relieved = False
        self.step: Future[Any] | None = None
        """What it is at."""
        self._work = work
        self.thread = threading.Thread(target=self._run, name="leveret-step", daemon=True)
        self.thread.start()
        self.overrun = Overrun(self.thread.ident or 0, budget)

    def _run(self) -> None:
        while not self.relieved and self._once():
            pass

    def _once(self) -> bool:
        item = self._work.get()
        if item is None:
            return False
        done, function = item
        if done.set_running_or_notify_cancel():
            self.step = done
            try:
                done.set_result(function())
            except BaseException as error:
                done.set_exception(error)
        return True
