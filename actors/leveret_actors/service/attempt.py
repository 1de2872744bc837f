"""One attempt: a function that runs, against its timeout and whoever wants it stopped."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeAlias

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


@dataclass(frozen=True, slots=True)
class Interrupted:
    """The attempt was stopped; what the function returned or raised after that does not count."""

    why: Why
    error: BaseException | None = None
    """What it raised when it was stopped, unless that was only the cancellation."""
    given_up: bool = False
    """True: it was still running when the grace period was over."""


Ending: TypeAlias = Returned | Raised | Interrupted


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


class Attempt:
    """Watches a running function.

    `on_over` is called once, when it is known how the attempt ended; `on_free` once, when the function has ended as
    well, which is later only for one that was given up.
    """

    def __init__(
        self,
        body: asyncio.Future[Returned | Raised],
        context: TaskContext,
        *,
        timeout: float,
        grace: float,
        on_over: Callable[[Ending], None],
        on_free: Callable[[], None],
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._body = body
        self.context = context
        self._grace = grace
        self._on_over = on_over
        self._on_free = on_free
        self._why: Why | None = None
        self._over = False
        self._timer = self._loop.call_later(timeout, self.interrupt, Why.TIMED_OUT) if timeout > 0 else None
        body.add_done_callback(self._ended)

    def interrupt(self, why: Why) -> None:
        """Tell the function to stop, and give it up after the grace period; only the first reason counts."""
        if self._why is not None or self._body.done():
            return
        self._why = why
        self._stop_timer()
        self._timer = self._loop.call_later(self._grace, self._give_up)
        try:
            errors: list[BaseException] = [*self.context.stop(timed_out=why is Why.TIMED_OUT)]
        except BaseException as exit_or_interrupt:  # must not end the loop
            errors = [exit_or_interrupt]
        for one in errors:
            text = "task {}: a callback raised when told that the attempt {}"
            logger.opt(exception=one).error(text, self.context.task_id, why.value)
        if isinstance(self._body, asyncio.Task):
            self._body.cancel()

    def _ended(self, body: asyncio.Future[Returned | Raised]) -> None:
        self._stop_timer()
        # A task that was cancelled before its first step never got into `guard`.
        ending = Raised(asyncio.CancelledError()) if body.cancelled() else body.result()
        if self._why is not None:
            error = ending.error if isinstance(ending, Raised) else None
            self._finish(Interrupted(self._why, None if isinstance(error, asyncio.CancelledError) else error))
        else:
            self._finish(ending)
        self._on_free()

    def _give_up(self) -> None:
        assert self._why is not None
        self._finish(Interrupted(self._why, given_up=True))

    def _finish(self, ending: Ending) -> None:
        if not self._over:
            self._over = True
            self._on_over(ending)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
