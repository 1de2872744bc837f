"""The node's interceptors around an attempt."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

from leveret.interceptors import TaskInterceptor, TaskRun
from leveret.service import Call, TaskContext, TaskId

NO_CALLS: Mapping[TaskId, Call[Any]] = {}


def intercepted(
    interceptors: tuple[TaskInterceptor, ...],
    context: TaskContext,
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    proceed: Callable[[], Awaitable[Any]],
    calls: Mapping[TaskId, Call[Any]] = NO_CALLS,
) -> Callable[[], Awaitable[Any]]:
    """Return an attempt inside of the interceptors, the first one outermost."""
    for interceptor in reversed(interceptors):
        proceed = partial(interceptor.run_task, TaskRun(context, args, kwargs, proceed, calls))
    return proceed
