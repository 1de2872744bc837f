"""What a running task may know about itself."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from leveret.errors import NotInTask
from leveret_broker.address import NORMAL, Priority
from leveret_broker.codec import Codec, Payload
from leveret_broker.ids import TaskId
from leveret_broker.outcome import Failure


@dataclass(slots=True, kw_only=True)
class TaskContext:
    """The call that runs now, and the flags by which sync code learns that it should stop.

    For calls to workflows there is the node's client: `await leveret.client.current_client()`, and
    `leveret.sync.current_client()` in sync functions.
    """

    task_id: TaskId
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
    """The workflow that called; empty for other callers, as are `instance` and `run`."""
    instance: str = ""
    """Id of the workflow's instance."""
    run: str = ""
    priority: Priority = NORMAL
    deadline: float = 0.0
    """Unix time of the contract timeout, all attempts included; 0 is none."""
    timed_out: bool = False
    """The attempt's timeout has passed, or it was silent for too long: stop soon."""
    cancelled: bool = False
    """The task was cancelled: stop soon."""
    reason: str = ""
    """Why it was cancelled, as far as somebody said."""
    _said: Payload | None = field(default=None, repr=False)
    _codec: Codec = field(default_factory=Codec, repr=False)
    _beat: float = field(default=0.0, repr=False)
    _callbacks: list[Callable[[], None]] = field(default_factory=list["Callable[[], None]"], repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @property
    def stopping(self) -> bool:
        """True when the task should stop, for whichever reason."""
        return self.timed_out or self.cancelled

    @property
    def progress(self) -> Any:
        """What was last said of how far the work has come, in this attempt or in the one before, as plain data.

        None when nothing was said. What a worker said that was killed in its first second is not known.
        """
        return None if self._said is None else self._codec.load(self._said)

    def heartbeat(self, progress: object = None) -> None:
        """Say that the attempt goes on and, unless None, how far it has come; cheap, call it as often as you like.

        The store has the progress within a second, and `leveret tasks show` shows it; the next attempt finds it in
        `progress`. Raises `EncodeError` or `PayloadTooLarge` for a value that cannot be kept.
        """
        self._beat = time.monotonic()
        if progress is not None:
            self._said = self._codec.dump(progress)

    @property
    def last_beat(self) -> float:
        """When `heartbeat` was last called, as `time.monotonic()`; 0 is never. For workers."""
        return self._beat

    @property
    def said(self) -> Payload | None:
        """The encoded progress, for workers."""
        return self._said

    def on_cancel(self, callback: Callable[[], None]) -> None:
        """Have `callback` called (from another thread) when the task should stop; at once if it should already."""
        with self._lock:
            if not self.stopping:
                self._callbacks.append(callback)
                return
        callback()

    def stop(self, *, timed_out: bool, reason: str = "") -> list[Exception]:
        """Raise a flag and call the callbacks, once; for workers. Returns what the callbacks raised."""
        with self._lock:
            self.reason = reason
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
