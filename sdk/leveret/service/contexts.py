"""Tasks as what their functions know about them; for workers."""

from __future__ import annotations

from functools import partial
from typing import Any, TypeVar

from leveret.failure import as_readable
from leveret.service.batching import Call
from leveret.service.task_context import TaskContext
from leveret_broker.codec import Codec
from leveret_broker.envelope import Task
from leveret_broker.ids import TaskId

C = TypeVar("C", bound=TaskContext)


def context_of(task: Task, codec: Codec) -> TaskContext:
    """Return what a running task may know about itself."""
    return _made(TaskContext, task, codec)


def call_of(task: Task, argument: Any, codec: Codec) -> Call[Any]:
    """Return a task as one call of a batch."""
    call: partial[Call[Any]] = partial(Call, argument=argument)  # Call[Any] would look for a place to note its Any
    return _made(call, task, codec)


def _made(make: type[C] | partial[C], task: Task, codec: Codec) -> C:
    return make(
        task_id=TaskId(task.task_id),
        service=task.service,
        task=task.name,
        attempt=task.attempt,
        sequence=task.sequence,
        last_failure=None if task.last_failure is None else as_readable(task.last_failure, codec),
        tags=frozenset(task.tags),
        meta=dict(task.meta),
        workflow=task.workflow,
        instance=task.instance,
        run=task.run,
        priority=task.priority,
        deadline=task.deadline,
        _said=task.progress,
        _codec=codec,
    )
