"""One attempt: a function that runs, against its timeout and whoever wants it stopped."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol, TypeAlias

from loguru import logger

from leveret.service import TaskContext


@dataclass(frozen=True, slots=True)
class Returned:
    """The function returned."""

    value: Any


@dataclass(frozen=True, slots=True)
class Raised:
    """The function raised, whatever it raised."""

    error: BaseException


class Why(Enum):
    """Why an attempt is stopped."""

    TIMED_OUT = "timed out"
    CANCELLED = "was cancelled"
    STOPPED = "ends with its node"
    SILENT = "was silent"
    ELSEWHERE = "goes on elsewhere"


@dataclass(frozen=True, slots=True)
class Interrupted:
    """The attempt was stopped; what the function returned or raised after that does not count."""

    why: Why
    error: BaseException | None = None
    """What it raised when it was stopped, unless that was only the cancellation."""
    given_up: bool = False
    """True: it was still running when the grace period was over."""
    reason: str = ""
    """In the words of who cancelled it."""


@dataclass(frozen=True, slots=True)
class Together:
    """A batch of several calls ended so, which tells of none of them that it is to blame."""

    ending: Raised | Interrupted


Ending: TypeAlias = Returned | Raised | Interrupted | Together


async def guard(function: Callable[[], Awaitable[Any]]) -> Returned | Raised:
    """Await `function()` and return how it ended: asyncio would let SystemExit and KeyboardInterrupt end the loop."""
    try:
        return Returned(await function())
    except BaseException as error:
        return Raised(error)


def guard_call(function: Callable[[], Any]) -> Returned | Raised:
    """Call `function` and return how it ended."""
    try:
        return Returned(function())
    except BaseException as error:
        return Raised(error)


def log_errors(context: TaskContext, why: Why, stop: Callable[[], Sequence[BaseException]]) -> None:
    """Stop what a context belongs to, and log what its callbacks raise."""
    try:
        errors = stop()
    except BaseException as exit_or_interrupt:  # must not end the loop
        errors = [exit_or_interrupt]
    for one in errors:
        text = "task {}: a callback raised when told that the attempt {}"
        logger.opt(exception=one).error(text, context.task_id, why.value)


class Interruptible(Protocol):
    """Something that runs for a task, and can be stopped."""

    @property
    def context(self) -> TaskContext:
        """What it knows about itself."""
        ...

    def interrupt(self, why: Why, reason: str = "") -> None:
        """Stop it; only the first time counts. `reason` is in the words of who cancelled it."""
        ...


class Attempt:
    """Watches a running function.

    `cancels` says that cancelling the body stops the function; one in a thread goes on until it returns.
    `on_over` is called once, when it is known how the attempt ended; `on_free` once, when the function has ended as
    well, which is later only for one that was given up.
    """

    def __init__(
        self,
        body: asyncio.Future[Returned | Raised],
        context: TaskContext,
        *,
        cancels: bool,
        timeout: float,
        grace: float,
        heartbeat: float,
        on_over: Callable[[Ending], None],
        on_free: Callable[[], None],
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._body = body
        self.context = context
        self._cancels = cancels
        self._grace = grace
        self._on_over = on_over
        self._on_free = on_free
        self._why: Why | None = None
        self._reason = ""
        self._over = False
        self._timer = self._loop.call_later(timeout, self.interrupt, Why.TIMED_OUT) if timeout > 0 else None
        self._heartbeat = heartbeat
        self._started = time.monotonic()
        self._silence = self._loop.call_later(heartbeat, self._listen) if heartbeat > 0 else None
        body.add_done_callback(self._ended)

    def interrupt(self, why: Why, reason: str = "") -> None:
        """Tell the function to stop, and give it up after the grace period; only the first time counts."""
        if self._why is not None or self._body.done():
            return
        self._why, self._reason = why, reason
        self._stop_timer()
        self._timer = self._loop.call_later(self._grace, self._give_up)
        late = why in {Why.TIMED_OUT, Why.SILENT}
        log_errors(self.context, why, lambda: self.context.stop(timed_out=late, reason=reason))
        if self._cancels:
            self._body.cancel()

    def _listen(self) -> None:
        """Stop the function if it has been silent for too long, else look again when it may have been."""
        left = max(self._started, self.context.last_beat) + self._heartbeat - time.monotonic()
        if left <= 0:
            self._silence = None
            self.interrupt(Why.SILENT)
        else:
            self._silence = self._loop.call_later(left, self._listen)

    def _ended(self, body: asyncio.Future[Returned | Raised]) -> None:
        self._stop_timer()
        # A task that was cancelled before its first step never got into `guard`.
        ending = Raised(asyncio.CancelledError()) if body.cancelled() else body.result()
        if self._why is not None:
            error = ending.error if isinstance(ending, Raised) else None
            said = None if isinstance(error, asyncio.CancelledError) else error
            self._finish(Interrupted(self._why, said, reason=self._reason))
        else:
            self._finish(ending)
        self._on_free()

    def _give_up(self) -> None:
        assert self._why is not None
        self._finish(Interrupted(self._why, given_up=True, reason=self._reason))

    def _finish(self, ending: Ending) -> None:
        if not self._over:
            self._over = True
            self._on_over(ending)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._silence is not None:
            self._silence.cancel()
            self._silence = None
