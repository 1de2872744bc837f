"""A single-threaded event loop for several simulated processes; the seed picks whose next handle runs."""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import inspect
import itertools
import warnings
from collections import deque
from collections.abc import Callable, Coroutine
from contextvars import Context, ContextVar, copy_context
from typing import TYPE_CHECKING, Any, Final, TypeVarTuple, Unpack

if TYPE_CHECKING:
    from random import Random

Ts = TypeVarTuple("Ts")

RUNNING: ContextVar[Process] = ContextVar("RUNNING")
"""The process that a handle belongs to."""
CLOSINGS: Final = 100
"""How often a dead coroutine may await something in its `finally` blocks before it is left alone."""


class Process:
    """What lives and dies together: its ready handles in order, and its tasks."""

    def __init__(self, name: str) -> None:
        """Begin alive, with nothing to do."""
        self.name = name
        self.ready: deque[asyncio.Handle] = deque()
        self.dead = False
        self.frozen_until = 0.0
        self.tasks: list[SimulatedTask] = []
        self.context = copy_context()
        self.context.run(RUNNING.set, self)


class SimulatedTask(asyncio.Task[Any]):
    """A task whose hash is its number, so that sets of tasks have the same order in every run."""

    def __init__(self, coro: Coroutine[Any, Any, Any], number: int, **options: Any) -> None:
        """Number it before asyncio looks at it."""
        self.number = number
        super().__init__(coro, **options)

    def __hash__(self) -> int:
        return self.number

    def bury(self) -> None:
        """Close the coroutine of a process that is gone, whatever its `finally` blocks want to await."""
        self._log_destroy_pending = False
        _close(self.get_coro())


class SimulatedFuture(asyncio.Future[Any]):
    """A future whose hash is its number."""

    def __init__(self, number: int, *, loop: asyncio.AbstractEventLoop) -> None:
        """Number it before asyncio looks at it."""
        self.number = number
        super().__init__(loop=loop)

    def __hash__(self) -> int:
        return self.number


class SimulatedLoop(asyncio.BaseEventLoop):
    """Runs one handle at a time; when nothing is ready, the clock jumps to the next timer.

    `after_step` is called after each handle with its process; what it returns as True ends the run.
    """

    def __init__(self, random: Random, after_step: Callable[[Process], bool]) -> None:
        """Begin at time 0, with no process."""
        super().__init__()
        self.steps = 0
        self.processes: list[Process] = []
        self.idle = False
        """True: the run ended because nothing can ever happen again."""
        self._random = random
        self._after_step = after_step
        self._now = 0.0
        self._numbers = itertools.count(1)
        self._timers: list[tuple[float, int, asyncio.TimerHandle, Process]] = []
        self.set_task_factory(self._make_task)

    # -- processes ----------------------------------------------------------------------------------------------------

    def start(self, name: str, main: Callable[[], Coroutine[Any, Any, None]]) -> Process:
        """Start a process with one task."""
        process = Process(name)
        self.processes.append(process)
        process.context.run(lambda: self.create_task(main()))
        return process

    def kill(self, process: Process) -> None:
        """Never run anything of this process again: no `finally`, no goodbye."""
        process.dead = True
        process.ready.clear()

    def bury(self) -> None:
        """Close what is left of all processes, at the end of the world."""
        self.set_exception_handler(lambda _loop, _context: None)
        asyncio.events._set_running_loop(self)
        try:
            with warnings.catch_warnings(action="ignore"):  # a crash leaves coroutines that never ran
                for process in self.processes:
                    self.kill(process)
                    for task in process.tasks:
                        process.context.run(task.bury)
        finally:
            asyncio.events._set_running_loop(None)

    # -- what asyncio asks of a loop ----------------------------------------------------------------------------------

    def time(self) -> float:
        """Return the simulated time."""
        return self._now

    def call_soon(
        self, callback: Callable[[Unpack[Ts]], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.Handle:
        """Queue a handle of the process that the context names."""
        process = _process_of(context)
        handle = asyncio.Handle(callback, args, self, context)
        if not process.dead:
            process.ready.append(handle)
        return handle

    def call_soon_threadsafe(
        self, callback: Callable[[Unpack[Ts]], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.Handle:
        """Do as `call_soon`: there is one thread."""
        return self.call_soon(callback, *args, context=context)

    def call_later(
        self, delay: float, callback: Callable[[Unpack[Ts]], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """Queue a handle for later."""
        return self.call_at(self._now + delay, callback, *args, context=context)

    def call_at(
        self, when: float, callback: Callable[[Unpack[Ts]], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """Queue a handle for a time."""
        process = _process_of(context)
        handle = asyncio.TimerHandle(when, callback, args, self, context)
        if not process.dead:
            heapq.heappush(self._timers, (when, next(self._numbers), handle, process))
        return handle

    def create_future(self) -> asyncio.Future[Any]:
        """Return a numbered future."""
        return SimulatedFuture(next(self._numbers), loop=self)

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """Leave it where it is: it is skipped when its time comes."""

    def _make_task(self, loop: asyncio.AbstractEventLoop, coro: Any, **options: Any) -> SimulatedTask:
        task = SimulatedTask(coro, next(self._numbers), loop=loop, **options)
        process = _process_of(options.get("context"))
        if len(process.tasks) > 200:
            process.tasks = [one for one in process.tasks if not one.done()]
        process.tasks.append(task)
        return task

    # -- one step -----------------------------------------------------------------------------------------------------

    def _run_once(self) -> None:
        """Run the next handle of a process that the seed picks."""
        able = self._able()
        while not able:
            if not self._jump():
                self.idle = True
                self.stop()
                return
            able = self._able()
        process = able[int(self._random.random() * len(able))] if len(able) > 1 else able[0]
        handle = process.ready.popleft()
        if handle.cancelled():
            return
        self.steps += 1
        handle._run()
        if self._after_step(process):
            self.stop()

    def _able(self) -> list[Process]:
        return [one for one in self.processes if one.ready and one.frozen_until <= self._now]

    def _jump(self) -> bool:
        """Go to the next moment at which something happens; False when there is none."""
        moments = [one.frozen_until for one in self.processes if one.ready and one.frozen_until > self._now]
        while self._timers and (self._timers[0][2].cancelled() or self._timers[0][3].dead):
            heapq.heappop(self._timers)
        if self._timers:
            moments.append(self._timers[0][0])
        if not moments:
            return False
        self._now = max(self._now, min(moments))
        while self._timers and self._timers[0][0] <= self._now:
            _, _, handle, process = heapq.heappop(self._timers)
            if not process.dead and not handle.cancelled():
                process.ready.append(handle)
        return True


def _process_of(context: Context | None) -> Process:
    return RUNNING.get() if context is None else context[RUNNING]


def _close(coroutine: Any) -> None:
    """Close what a coroutine awaits, then the coroutine: from the outside, it would leave the inner ones behind."""
    for _ in range(CLOSINGS):
        if not inspect.iscoroutine(coroutine) or inspect.getcoroutinestate(coroutine) == inspect.CORO_CLOSED:
            return
        _close(coroutine.cr_await)
        with contextlib.suppress(BaseException):  # what a dead process thinks of it is of no interest
            coroutine.close()
