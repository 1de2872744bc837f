"""The event loop of one instance: plain asyncio code runs on it, time is the turn's, and nothing else exists."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import sys
import zlib
from asyncio import events
from collections import deque
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from typing import Any, Protocol, TypeVar, cast

from leveret_actors.workflow.asking import owner_of
from leveret_actors.workflow.unheard import Unheard

T = TypeVar("T")

_ADVICE = {
    "run_in_executor": "put blocking code into a service; workflow.inline() is for something short",
    "call_soon_threadsafe": "threads cannot reach a workflow: send it a signal",
    "subprocess_exec": "start processes in a service",
    "subprocess_shell": "start processes in a service",
    "add_signal_handler": "process signals are the node's business; use a channel",
    "run_forever": "a workflow's loop is stepped by its node; await what you want to wait for",
    "run_until_complete": "a workflow's loop is stepped by its node; await what you want to wait for",
}
_NO_OUTSIDE = "sockets, files and other input or output belong into a service: call its task"


class Handles(Protocol):
    """Whoever makes durable timers of the loop's `call_at`."""

    def timer_wanted(self, handle: DurableHandle) -> None:
        """Give the handle a durable timer and set its number."""

    def timer_unwanted(self, handle: DurableHandle) -> None:
        """Forget the handle's timer; called for fired ones as well."""


class DurableHandle(asyncio.TimerHandle):
    """A `call_at`, backed by the durable timer `number`."""

    __slots__ = ("number",)

    number: int


class LoopFuture(asyncio.Future[T]):
    """A future with a hash by creation number: sets of futures have the same order in every process."""

    def __init__(self, *, loop: WorkflowLoop) -> None:
        """Take the next number."""
        self._order = loop.next_order()
        super().__init__(loop=loop)

    def __hash__(self) -> int:
        return self._order


class LoopTask(asyncio.Task[T]):
    """A task with a hash by creation number."""

    def __init__(
        self,
        coro: Coroutine[Any, Any, T],
        *,
        loop: WorkflowLoop,
        name: str | None,
        context: contextvars.Context | None,
    ) -> None:
        """Take the next number; the default name has it, too."""
        self._order = loop.next_order()  # asyncio hashes the task while it initialises it
        super().__init__(coro, loop=loop, name=name or f"task-{self._order & 0xFFFFF}", context=context)

    def __hash__(self) -> int:
        return self._order

    @property
    def order(self) -> int:
        """Return the creation number."""
        return self._order


class WorkflowLoop(asyncio.AbstractEventLoop):
    """What asyncio needs of a loop, and nothing that reaches outside."""

    def __init__(self, seed: str, handles: Handles) -> None:
        """Make the loop of the run `seed`; `handles` keeps its timers."""
        self.clock = 0.0
        self.context = contextvars.Context()
        self._nobodys = contextvars.Context()
        """Of what the loop does for itself, and no method for another."""
        self._handles = handles
        self._ready: deque[asyncio.Handle] = deque()
        self._tasks: dict[int, LoopTask[Any]] = {}
        self.unheard = Unheard()
        """What fails and reaches nobody."""
        # Per run, because asyncio keeps the tasks of all loops in one set: equal hashes there would make it slow.
        self._order = zlib.crc32(seed.encode()) << 20
        self._first = self._order
        self._stepping = False
        self.stepped: set[str] = set()
        """Ids of the methods whose code ran, until somebody clears it."""

    # -- what asyncio calls -------------------------------------------------------------------------------------------

    def time(self) -> float:
        """Return the turn's time: Unix seconds that never run backwards."""
        return self.clock

    def call_soon(  # type: ignore[override] # the callback's arguments are not told apart
        self, callback: Callable[..., object], *args: Any, context: contextvars.Context | None = None
    ) -> asyncio.Handle:
        """Run `callback` in this turn."""
        handle = asyncio.Handle(callback, args, self, context)
        self._ready.append(handle)
        return handle

    def call_later(  # type: ignore[override] # the callback's arguments are not told apart
        self, delay: float, callback: Callable[..., object], *args: Any, context: contextvars.Context | None = None
    ) -> asyncio.TimerHandle:
        """Run `callback` when a durable timer fires."""
        return self.call_at(self.clock + delay, callback, *args, context=context)

    def call_at(  # type: ignore[override] # the callback's arguments are not told apart
        self, when: float, callback: Callable[..., object], *args: Any, context: contextvars.Context | None = None
    ) -> asyncio.TimerHandle:
        """Run `callback` when a durable timer fires."""
        handle = DurableHandle(when, callback, args, self, context)
        self._handles.timer_wanted(handle)
        return handle

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        if isinstance(handle, DurableHandle):
            self._handles.timer_unwanted(handle)

    def create_future(self) -> LoopFuture[Any]:
        """Return a new future."""
        return LoopFuture(loop=self)

    def create_task(
        self,
        coro: Generator[Any, None, T] | Coroutine[Any, Any, T],
        *,
        name: object = None,
        context: contextvars.Context | None = None,
        **options: Any,
    ) -> LoopTask[T]:
        """Run a coroutine beside the others."""
        if options.get("eager_start"):
            coro.close()
            raise NotImplementedError("eager tasks are not available in a workflow: leave eager_start out")
        if _from_as_completed():
            coro.close()
            raise NotImplementedError(
                "asyncio.as_completed() starts bare coroutines in an order that changes from process to process: give "
                "it tasks made with asyncio.create_task() or workflow.dispatch()"
            )
        task: LoopTask[T] = LoopTask(
            cast("Coroutine[Any, Any, T]", coro), loop=self, name=None if name is None else str(name), context=context
        )
        self._tasks[task.order] = task
        task.add_done_callback(self._task_ended, context=self._nobodys)
        return task

    def _task_ended(self, task: LoopTask[Any]) -> None:
        self._tasks.pop(task.order, None)
        self.unheard.task_ended(task)

    def get_debug(self) -> bool:
        """Return False: debug mode measures wall time."""
        return False

    def is_running(self) -> bool:
        """Tell whether the workflow is being stepped."""
        return self._stepping

    def is_closed(self) -> bool:
        """Return False."""
        return False

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Keep failures that reach nobody; all else that asyncio wants logged is no news."""
        self.unheard.note(context)

    def default_exception_handler(self, context: dict[str, Any]) -> None:
        """Do as `call_exception_handler`."""
        self.unheard.note(context)

    # -- what the engine calls ----------------------------------------------------------------------------------------

    def next_order(self) -> int:
        """Return the creation number of a task or future, which is its hash."""
        self._order += 1
        return self._order

    @property
    def created(self) -> int:
        """Return how many tasks and futures have been made."""
        return self._order - self._first

    def skip(self, created: int) -> None:
        """Number what is made next as if so many tasks and futures had been made before."""
        self._order = self._first + created

    def has_open_task(self, created: int) -> bool:
        """Tell whether a task has not ended that is younger than the first `created` tasks and futures."""
        for task in reversed(self._tasks.values()):
            if task.order - self._first <= created:
                break
            if not task.done():
                return True
        return False

    def fire(self, handle: asyncio.Handle) -> None:
        """Run a timer's callback in this turn."""
        self._ready.append(handle)

    def run(self, first: Callable[[], object], budget: int) -> bool:
        """Call `first`, then step until nothing is ready; False when that took more than `budget` steps."""
        outer, hooks = events._get_running_loop(), sys.get_asyncgen_hooks()  # noqa: SLF001 - made for loops
        events._set_running_loop(self)  # noqa: SLF001 - made for loops
        # Suspended async generators of a dropped actor must not run when the garbage collector finds them.
        sys.set_asyncgen_hooks(firstiter=None, finalizer=_forget)
        self._stepping = True
        try:
            return self.context.run(self.spin, first, budget)
        finally:
            self._stepping = False
            sys.set_asyncgen_hooks(*hooks)
            events._set_running_loop(outer)  # noqa: SLF001 - made for loops

    def spin(self, first: Callable[[], object], budget: int) -> bool:
        """Do the work of `run`; in a stack, what is below this is not the workflow's."""
        first()
        ready = self._ready
        while ready:
            if not budget:
                return False
            budget -= 1
            handle = ready.popleft()
            if handle.cancelled():
                continue
            try:
                handle._run()  # noqa: SLF001 - made for loops
            except (SystemExit, KeyboardInterrupt):
                continue  # the task has it as its exception as well, and ends the method as any other
            finally:  # not before: the first step of a method is what makes its context its own
                context = handle._context  # type: ignore[attr-defined]  # noqa: SLF001 - as above
                if context is not self._nobodys:
                    self.stepped.add(owner_of(context))
        return True

    def open_tasks(self) -> list[LoopTask[Any]]:
        """Return the tasks that have not ended, oldest first."""
        self._tasks = {order: task for order, task in self._tasks.items() if not task.done()}
        return list(self._tasks.values())

    def discard_ready(self) -> None:
        """Forget what would run next."""
        self._ready.clear()


def _forget(_: AsyncGenerator[Any, Any]) -> None:
    """Let a dropped async generator go without running its `finally` blocks."""


def _from_as_completed() -> bool:
    frame = inspect.currentframe()
    for _ in range(6):
        if frame is None:
            return False
        code = frame.f_code
        if code.co_filename == asyncio.tasks.__file__ and (
            code.co_qualname.startswith(("as_completed", "_AsCompletedIterator"))
        ):
            return True
        frame = frame.f_back
    return False


def _refusal(name: str) -> Callable[..., Any]:
    def refuse(*_: Any, **__: Any) -> Any:
        raise NotImplementedError(f"loop.{name}() is not available in a workflow: {_ADVICE.get(name, _NO_OUTSIDE)}")

    refuse.__name__ = name
    return refuse


for _name in dir(asyncio.AbstractEventLoop):
    if not _name.startswith("_") and _name not in vars(WorkflowLoop):
        setattr(WorkflowLoop, _name, _refusal(_name))

__all__ = ["DurableHandle", "Handles", "LoopFuture", "LoopTask", "WorkflowLoop"]
