"""Where functions run: async ones as tasks of the loop, sync ones in threads, or in processes if they ask for it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextvars import Context, copy_context
from dataclasses import dataclass
from functools import partial
from typing import Any

import msgspec

from leveret.definition import ServiceDefinition
from leveret.interceptors import TaskInterceptor
from leveret.service import Call, TaskContext, TaskId
from leveret.service.batching import BatchSignature
from leveret.service.contexts import context_of
from leveret_actors.service.around import intercepted
from leveret_actors.service.attempt import Attempt, Ending, Raised, Returned, guard, guard_call
from leveret_actors.service.binding import bind, bind_log
from leveret_actors.service.execution import Execution
from leveret_actors.service.processes import Processes
from leveret_actors.service.threads import Threads
from leveret_actors.service.together import Part, RunningBatch
from leveret_broker.codec import Codec
from leveret_broker.envelope import Task


@dataclass(slots=True)
class Run:
    """A function that is about to run."""

    execution: Execution
    name: str
    context: Context
    call: Callable[[], Any]


class Workshop:
    """Starts attempts of one service; how many run at once is up to the caller."""

    def __init__(
        self,
        codec: Codec,
        definition: ServiceDefinition,
        *,
        worker: str,
        interceptors: tuple[TaskInterceptor, ...] = (),
    ) -> None:
        self._interceptors = interceptors
        self._codec = codec
        self._threads = Threads(f"{definition.name}@{worker}")
        self._processes = Processes(definition.cls, codec)

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
        known = context_of(task, self._codec)
        context = copy_context()
        bind(context, known)
        call: Callable[[], Any] = partial(execution.function, *args, **kwargs)
        if execution.definition.process:
            result = execution.definition.signature.result if self._interceptors else msgspec.Raw
            call = partial(self._processes.run, task, known, result)
        run = Run(execution, f"{task.service}.{task.name} {task.task_id}", context, call)
        if self._interceptors:
            run.call = intercepted(self._interceptors, known, args, kwargs, self._proceed(run))
        return self._watch(run, known, on_over, on_free)

    def start_batch(
        self,
        execution: Execution,
        calls: Mapping[TaskId, Call[Any]],
        *,
        on_over: Callable[[TaskId, Ending], None],
        on_free: Callable[[], None],
    ) -> Mapping[TaskId, Part]:
        """Start a batch, and return its parts."""
        signature = execution.definition.signature
        assert isinstance(signature, BatchSignature)
        batch = RunningBatch(calls, on_over, has_results=signature.has_results)
        context = copy_context()
        bind_log(context, {"service": batch.whole.service, "task": batch.whole.task, "calls": len(calls)})
        given = dict(calls)
        run = Run(execution, f"{batch.name} of {len(calls)}", context, partial(execution.function, given))
        if self._interceptors:
            run.call = intercepted(self._interceptors, batch.whole, (given,), {}, self._proceed(run), given)
        batch.attempt = self._watch(run, batch.whole, batch.over, on_free)
        return batch.parts

    def close(self) -> None:
        """End the threads that are idle, the others when their function returns."""
        self._threads.close()

    def _watch(
        self, run: Run, known: TaskContext, on_over: Callable[[Ending], None], on_free: Callable[[], None]
    ) -> Attempt:
        """Begin to run, and return the attempt that watches it."""
        execution, sync = run.execution, run.execution.definition.sync
        context, call = run.context, run.call
        body: asyncio.Future[Returned | Raised]
        if sync and not self._interceptors:
            body = self._threads.run(lambda: context.run(guard_call, call))
        else:
            body = asyncio.get_running_loop().create_task(guard(call), name=run.name, context=context)
        return Attempt(
            body,
            known,
            cancels=not sync,
            timeout=execution.timeout,
            grace=execution.grace,
            heartbeat=execution.heartbeat,
            on_over=on_over,
            on_free=on_free,
        )

    def _proceed(self, run: Run) -> Callable[[], Awaitable[Any]]:
        """Return what interceptors await in the end."""
        return partial(self._in_thread, run.call) if run.execution.definition.sync else run.call

    async def _in_thread(self, call: Callable[[], Any]) -> Any:
        """Call a sync function in a thread that sees the context variables of here."""
        context = copy_context()
        ending = await self._threads.run(lambda: context.run(guard_call, call))
        if isinstance(ending, Raised):
            raise ending.error
        return ending.value
