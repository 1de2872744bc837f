"""Failures in workflow code that reach nobody: of tasks that nobody awaits, and of callbacks."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Mapping
from typing import Any, NamedTuple

from loguru import logger

from leveret.runtime import Info


class Failure(NamedTuple):
    """One that nobody hears of, unless it is logged."""

    what: str
    error: BaseException


class Unheard:
    """Collects what asyncio would log; the engine logs it after the turn, and not again on replay.

    As in plain asyncio a task is nobody's once nothing refers to it; what the workflow holds is told when it ends.
    """

    def __init__(self) -> None:
        """Begin with none."""
        self._failures: list[Failure] = []
        self._held: list[weakref.ref[asyncio.Task[Any]]] = []

    def task_ended(self, task: asyncio.Task[Any]) -> None:
        """Note a task that failed, in case nobody asks."""
        if is_unheard(task):
            self._held.append(weakref.ref(task))

    def note(self, context: Mapping[str, Any]) -> None:
        """Take what asyncio tells its loop: a failed task that is gone, or a callback that raised."""
        error: BaseException | None = context.get("exception")
        culprit: asyncio.Future[Any] | None = context.get("task") or context.get("future")
        if error is None:
            return
        if culprit is None:
            self._failures.append(Failure(str(context.get("message", "a callback failed")), error))
        elif isinstance(culprit, asyncio.Task):
            self._failures.append(Failure(described(culprit), error))
        # else one of the loop's own futures, commands and combinations: nobody need await those

    def take(self, *, everything: bool) -> list[Failure]:
        """Return what was found; with `everything` also tasks that the workflow still holds."""
        if self._held:
            held = [task for one in self._held if (task := one()) is not None and is_unheard(task)]
            if everything:
                for task in held:
                    error = task.exception()  # from here on somebody has asked
                    if error is not None:
                        self._failures.append(Failure(described(task), error))
            self._held = [] if everything else [weakref.ref(task) for task in held]
        found, self._failures = self._failures, []
        return found


def is_unheard(task: asyncio.Task[Any]) -> bool:
    """Tell whether a task failed and nobody has asked for its result yet."""
    return task._log_traceback  # noqa: SLF001 - asyncio's own switch


def described(task: asyncio.Task[Any]) -> str:
    """Name a task for the log."""
    code = task.get_coro()
    return f"task {task.get_name()!r} ({getattr(code, '__qualname__', code)}) failed, and nobody awaits it"


def tell(info: Info, failures: list[Failure]) -> None:
    """Write failures to the log, with the ids of their instance."""
    bound = logger.bind(workflow=info.workflow, instance=info.id, run=info.run, method=info.method)
    for what, error in failures:
        bound.opt(exception=error).error("{} {!r}: {}", info.workflow, info.id, what)
