"""Around the attempts of tasks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from leveret.service.batching import Call
from leveret.service.task_context import TaskContext
from leveret_broker.ids import TaskId


@dataclass(frozen=True, slots=True)
class TaskRun:
    """One attempt of a task that is about to run."""

    context: TaskContext
    """Ids, attempt, last failure, tags, meta (which may be changed)."""
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    proceed: Callable[[], Awaitable[Any]]
    """Runs the next interceptor, and at last the function, in its thread if it is a sync one."""
    calls: Mapping[TaskId, Call[Any]] = field(default_factory=dict[TaskId, "Call[Any]"])
    """Of a batch, whose `context` has no ids: its calls, each with a context of its own."""


class TaskInterceptor:
    """Runs where tasks run, around each attempt, on the node's event loop."""

    async def run_task(self, details: TaskRun, /) -> Any:
        """Run an attempt; returns its result, or raises what makes it a failed one.

        It is the same for async functions, which are cancelled together with it, and for sync ones, which are not.
        What it puts into context variables the function sees.
        """
        return await details.proceed()
