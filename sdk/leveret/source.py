"""Sources: what deferreds stand on. One is taken by whoever waits, and handed back used or lost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Protocol

from leveret import errors
from leveret.runtime import Operation


class Source(Protocol):
    """Gives futures of the workflow's loop."""

    @property
    def number(self) -> int | None:
        """Command number; None for a combination."""
        ...

    @property
    def status(self) -> str:
        """`ongoing`, `completed`, `failed`, `cancelled`, `timed_out` or `unknown`."""
        ...

    @property
    def is_timer(self) -> bool:
        """True for a bare timer: it lets everything win that completed in the same turn."""
        ...

    def take(self) -> asyncio.Future[Any]:
        """Return the future to wait for; issues the command again where it was withdrawn or used up."""
        ...

    def used(self, future: asyncio.Future[Any]) -> None:
        """Take back a future whose end was seen."""
        ...

    def lost(self, future: asyncio.Future[Any]) -> None:
        """Take back a future that a decided combination needs no more; withdraws what only costs or steals."""
        ...

    def cancel(self) -> None:
        """Cancel the command."""
        ...


def status_of(future: asyncio.Future[Any]) -> str:
    """Return the status that a future shows."""
    if not future.done():
        return "ongoing"
    if future.cancelled():
        return "cancelled"
    match future.exception():
        case None:
            return "completed"
        case errors.TaskTimedOut() | errors.WorkflowTimedOut():
            return "timed_out"
        case errors.TaskCancelled() | errors.WorkflowCancelled():
            return "cancelled"
        case errors.WorkflowUnknown():
            return "unknown"
        case _:
            return "failed"


def has_value(future: asyncio.Future[Any]) -> bool:
    """Tell whether a future ended with a value."""
    return future.done() and not future.cancelled() and future.exception() is None


class OperationSource:
    """A command that runs whether somebody waits or not: a task."""

    is_timer = False

    def __init__(self, operation: Operation) -> None:
        self._operation = operation

    @property
    def number(self) -> int | None:
        """Command number; None for a combination."""
        return self._operation.number

    @property
    def status(self) -> str:
        """As the operation says."""
        return self._operation.status

    def take(self) -> asyncio.Future[Any]:
        """Return the future to wait for."""
        return self._operation.future

    def used(self, future: asyncio.Future[Any]) -> None:
        """Take back a future whose end was seen."""

    def lost(self, future: asyncio.Future[Any]) -> None:
        """Take back a future that is needed no more."""

    def cancel(self) -> None:
        """Cancel the command."""
        self._operation.future.cancel()


class TimerSource(OperationSource):
    """A durable timer: taken off the store when nobody needs it any more, set again when somebody does."""

    is_timer = True

    def __init__(self, issue: Callable[[], Operation]) -> None:
        super().__init__(issue())
        self._issue = issue
        self._users = 0
        self._withdrawn = False

    def take(self) -> asyncio.Future[Any]:
        """Return the future to wait for."""
        if self._withdrawn:
            self._operation, self._withdrawn = self._issue(), False
        self._users += 1
        return self._operation.future

    def used(self, future: asyncio.Future[Any]) -> None:  # noqa: ARG002
        """Take back a future whose end was seen."""
        self._users -= 1

    def lost(self, future: asyncio.Future[Any]) -> None:
        """Take back a future that is needed no more."""
        self._users -= 1
        if not self._users and not future.done():
            self._withdrawn = True
            future.cancel()


class ReceiveSource:
    """Signals of a channel: each time it is taken it is the next one."""

    is_timer = False

    def __init__(self, issue: Callable[[], Operation], give_back: Callable[[Operation], None]) -> None:
        self._issue = issue
        self._give_back = give_back
        self._latest = issue()
        self._fresh = True
        self._taken: list[Operation] = []

    @property
    def number(self) -> int | None:
        """Command number; None for a combination."""
        return self._latest.number

    @property
    def status(self) -> str:
        """As the operation says."""
        return self._latest.status

    def take(self) -> asyncio.Future[Any]:
        """Return the future to wait for."""
        if not self._fresh:
            self._latest = self._issue()
        self._fresh = False
        self._taken.append(self._latest)
        return self._latest.future

    def used(self, future: asyncio.Future[Any]) -> None:
        """Take back a future whose end was seen."""
        self._pop(future)

    def lost(self, future: asyncio.Future[Any]) -> None:
        """Take back a future that is needed no more."""
        operation = self._pop(future)
        if has_value(future):
            self._give_back(operation)
        else:
            future.cancel()

    def cancel(self) -> None:
        """Cancel the command."""
        self._latest.future.cancel()

    def _pop(self, future: asyncio.Future[Any]) -> Operation:
        index = next(i for i, operation in enumerate(self._taken) if operation.future is future)
        return self._taken.pop(index)
