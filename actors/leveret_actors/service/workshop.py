"""Where functions run: async ones as tasks of the loop, sync ones in threads."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from contextvars import copy_context
from functools import partial
from typing import Any

from leveret.interceptors import TaskInterceptor
from leveret.service import TaskContext, current_task
from leveret_actors.service.attempt import Attempt, Ending, Raised, Returned, guard, guard_call
from leveret_actors.service.execution import Execution
from leveret_actors.service.threads import Threads
from leveret_broker.codec import Codec
from leveret_broker.envelope import Task


class Workshop:
    """Starts attempts of one service; how many run at once is up to the caller."""

    def __init__(
        self,
        codec: Codec,
        *,
        service: str,
        worker: str,
        grace: float,
        interceptors: tuple[TaskInterceptor, ...] = (),
    ) -> None:
        self._interceptors = interceptors
        self._codec = codec
        self._grace = grace
        self._threads = Threads(f"{service}@{worker}")

    def start(
        self,
        execution: Execution,
        task: Task,
        *,
        on_over: Callable[[Ending], None],
        on_free: Callable[[], None],
    ) -> Attempt:
        """Start an attempt and return it; raises `ArgumentMismatch`, having started nothing."""
        args, kwargs = execution.definition.signature.load(self._codec, task.arguments)
        task_context = context_of(task)
        context = copy_context()
        context.run(current_task.set, task_context)
        call = partial(execution.function, *args, **kwargs)
        if self._interceptors:
            wrap = around_call if execution.definition.sync else around_coroutine
            call = partial(wrap, self._interceptors, task_context, call)
        body: asyncio.Future[Returned | Raised]
        if execution.definition.sync:
            body = self._threads.run(lambda: context.run(guard_call, call))
        else:
            name = f"{task.service}.{task.name} {task.task_id}"
            body = asyncio.get_running_loop().create_task(guard(call), name=name, context=context)
        return Attempt(
            body, task_context, timeout=execution.timeout, grace=self._grace, on_over=on_over, on_free=on_free
        )

    def close(self) -> None:
        """End the threads that are idle, the others when their function returns."""
        self._threads.close()


def around_call(interceptors: tuple[TaskInterceptor, ...], context: TaskContext, call: Callable[[], Any]) -> Any:
    """Call a sync function inside of what the interceptors give."""
    with ExitStack() as stack:
        for interceptor in interceptors:
            stack.enter_context(interceptor.attempt(context))
        return call()


async def around_coroutine(
    interceptors: tuple[TaskInterceptor, ...], context: TaskContext, call: Callable[[], Awaitable[Any]]
) -> Any:
    """Await an async function inside of what the interceptors give."""
    with ExitStack() as stack:
        for interceptor in interceptors:
            stack.enter_context(interceptor.attempt(context))
        return await call()


def context_of(task: Task) -> TaskContext:
    """Return what a running task may know about itself."""
    return TaskContext(
        task_id=task.task_id,
        service=task.service,
        task=task.name,
        attempt=task.attempt,
        sequence=task.sequence,
        last_failure=task.last_failure,
        tags=frozenset(task.tags),
        meta=dict(task.meta),
        workflow=task.workflow,
        instance=task.instance,
        run=task.run,
    )
