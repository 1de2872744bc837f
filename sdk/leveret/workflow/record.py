"""The logger of workflow code: bound to the instance, silent while it replays."""

from __future__ import annotations

from contextlib import AbstractContextManager
from logging import LogRecord
from typing import TYPE_CHECKING, Any

from loguru import logger

from leveret.runtime import Runtime, current_or_none

if TYPE_CHECKING:
    from loguru import Logger

_KEEPS = frozenset({"bind", "opt", "patch"})


class _Silence:
    """A logger that says nothing."""

    def __getattr__(self, name: str) -> Any:
        return self._again if name in _KEEPS else _nothing

    def _again(self, *_: Any, **__: Any) -> _Silence:
        return self


class WorkflowLog:
    """Hands every use on to a loguru logger that knows who runs, or to none during a replay."""

    def __getattr__(self, name: str) -> Any:
        runtime = current_or_none()
        if runtime is None:
            return getattr(logger, name)
        if runtime.is_replaying() and name not in {"catch", "contextualize"}:
            return getattr(_SILENCE, name)
        return getattr(logger.bind(**_ids(runtime)), name)

    def contextualize(self, **values: Any) -> AbstractContextManager[None]:
        """Bind values to all records of a block."""
        return logger.contextualize(**values)


def log_filter(record: Any) -> bool:
    """Drop what workflow code logs while it repeats its past, and add to the rest who runs.

    A filter for sinks of loguru and for handlers or loggers of `logging`: `logger.add(sys.stderr, filter=log_filter)`,
    `handler.addFilter(log_filter)`. It adds `workflow`, `instance`, `run` and `method` to a record's `extra`, or to the
    attributes of a `LogRecord`. Sinks that a node adds have it.
    """
    runtime = current_or_none()
    if runtime is None:
        return True
    if runtime.is_replaying():
        return False
    fields = vars(record) if isinstance(record, LogRecord) else record["extra"]
    fields.update(_ids(runtime))
    return True


def _ids(runtime: Runtime) -> dict[str, str]:
    info = runtime.info()
    return {"workflow": info.workflow, "instance": info.id, "run": info.run, "method": info.method}


def _nothing(*_: Any, **__: Any) -> None:
    pass


_SILENCE = _Silence()

if TYPE_CHECKING:
    log: Logger
else:
    log = WorkflowLog()
