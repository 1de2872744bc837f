"""What a running task may know about itself."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field

from leveret.errors import NotInTask
from leveret_broker.outcome import Failure


@dataclass(slots=True, kw_only=True)
class TaskContext:
    """The call that runs now, and the flags by which sync code learns that it should stop."""

    task_id: str
    """The same over retries and redeliveries: use it as idempotency key."""
    service: str
    task: str
    attempt: int = 1
    """Counts from 1; rises with each failed attempt."""
    sequence: int = 0
    """How many times an operator had the whole task retried."""
    last_failure: Failure | None = None
    """How the attempt before this one ended."""
    tags: frozenset[str] = frozenset()
    meta: dict[str, str] = field(default_factory=dict[str, str])
    """May be changed: the next attempt gets it as this one leaves it."""
    workflow: str = ""
    instance: str = ""
    run: str = ""
    timed_out: bool = False
    """The attempt's timeout has passed: stop soon."""
    cancelled: bool = False
    """The task was cancelled: stop soon."""
    _callbacks: list[Callable[[], None]] = field(default_factory=list["Callable[[], None]"], repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @property
    def stopping(self) -> bool:
        """True when the task should stop, for whichever reason."""
        return self.timed_out or self.cancelled

    def on_cancel(self, callback: Callable[[], None]) -> None:
        """Have `callback` called (from another thread) when the task should stop; at once if it should already."""
        with self._lock:
            if not self.stopping:
                self._callbacks.append(callback)
                return
        callback()

    def stop(self, *, timed_out: bool) -> list[Exception]:
        """Raise a flag and call the callbacks, once; for workers. Returns what the callbacks raised."""
        with self._lock:
            if timed_out:
                self.timed_out = True
            else:
                self.cancelled = True
            callbacks, self._callbacks = self._callbacks, []
        errors: list[Exception] = []
        for callback in callbacks:
            try:
                callback()
            except Exception as error:
                errors.append(error)
        return errors


current_task: ContextVar[TaskContext] = ContextVar("leveret_task")
"""Set by the worker around each attempt."""


def context() -> TaskContext:
    """Return the context of the task that runs here, in async and in sync functions; raises `NotInTask`."""
    try:
        return current_task.get()
    except LookupError:
        raise NotInTask from None
