"""Waiting for what the instance's own code brings about."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from leveret.deferred import Deferred
from leveret.runtime import current
from leveret.source import status_of


def wait_for(predicate: Callable[[], object], /) -> Deferred[None]:
    """Wait until a condition over the instance's properties holds: `await workflow.wait_for(lambda: self.points > 10)`.

    It is looked at once at the call, and then whenever all methods wait again: one condition that holds resumes its
    waiter, before the others are looked at again. It must be pure: what would change, send or await something raises
    `MustOnlyRead`. What it raises, the waiter gets. Nothing is journalled; no clock runs.
    """
    return Deferred(ConditionSource(predicate))


class ConditionSource:
    """A condition: not looked at any more when nobody needs it, and again when somebody does."""

    number = None
    is_timer = False

    def __init__(self, predicate: Callable[[], object]) -> None:
        self._predicate = predicate
        self._runtime = current()
        self._users = 0
        self._withdrawn = False
        self._future = self._runtime.wait_for(predicate)

    @property
    def status(self) -> str:
        """As the future shows it."""
        return "ongoing" if self._withdrawn else status_of(self._future)

    def take(self) -> asyncio.Future[None]:
        """Return the future to wait for."""
        if self._withdrawn:
            self._future, self._withdrawn = self._runtime.wait_for(self._predicate), False
        self._users += 1
        return self._future

    def used(self, future: asyncio.Future[None]) -> None:  # noqa: ARG002
        """Take back a future whose end was seen."""
        self._users -= 1

    def lost(self, future: asyncio.Future[None]) -> None:
        """Take back a future that is needed no more."""
        self._users -= 1
        if not self._users and not future.done():
            self._withdrawn = True
            future.cancel()

    def cancel(self) -> None:
        """Stop waiting."""
        self._future.cancel()
