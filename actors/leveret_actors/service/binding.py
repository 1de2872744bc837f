"""What a running function finds around it: its task by `service.context()`, and ids on its log records."""

from __future__ import annotations

from contextvars import Context, ContextVar, copy_context
from typing import Any, Final

from loguru import logger

from leveret.service import TaskContext, current_task


def _logged() -> ContextVar[dict[str, Any]]:
    """Return the variable in which loguru keeps what `logger.contextualize` binds.

    Set once in an attempt's own context it costs a tenth of entering and leaving `contextualize` around each attempt.
    """
    probe = object()

    def find() -> ContextVar[dict[str, Any]]:
        with logger.contextualize(probe=probe):
            return next(variable for variable, value in copy_context().items() if value == {"probe": probe})

    return Context().run(find)


_LOGGED: Final = _logged()


def bind(context: Context, task: TaskContext) -> None:
    """Have a task known in the context of its attempt."""
    context.run(current_task.set, task)
    ids: dict[str, Any] = {
        "service": task.service,
        "task": task.task,
        "task_id": task.task_id,
        "attempt": task.attempt,
    }
    if task.instance:
        ids["workflow"], ids["instance"], ids["run"] = task.workflow, task.instance, task.run
    bind_log(context, ids)


def bind_log(context: Context, ids: dict[str, Any]) -> None:
    """Have log records from a context carry `ids`."""
    outer: dict[str, Any] = context.get(_LOGGED) or {}
    context.run(_LOGGED.set, {**outer, **ids})
