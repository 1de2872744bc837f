"""The logger of workflow code: bound to the instance, silent while it replays."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from loguru import logger

from leveret.runtime import current_or_none

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
        info = runtime.info()
        bound = logger.bind(workflow=info.workflow, id=info.id, run=info.run, method=info.method)
        return getattr(bound, name)

    def contextualize(self, **values: Any) -> AbstractContextManager[None]:
        """Bind values to all records of a block."""
        return logger.contextualize(**values)


def _nothing(*_: Any, **__: Any) -> None:
    pass


_SILENCE = _Silence()

if TYPE_CHECKING:
    log: Logger
else:
    log = WorkflowLog()
