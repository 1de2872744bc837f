"""Combinations of sources: the first that completes, or all of them."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from leveret.source import Source, has_value, status_of


class _Round(ABC):
    """One run of a combination: takes its parts, listens until it is decided, hands them back."""

    def __init__(self, parts: Sequence[Source]) -> None:
        self.future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.withdrawn = False
        self._open = len(parts)
        self._parts = [(part, part.take()) for part in parts]
        self._held = dict(enumerate(self._parts))
        """Parts that have not been handed back."""
        self.future.add_done_callback(self._pass_on_cancellation)
        for index, (_, future) in enumerate(self._parts):
            future.add_done_callback(partial(self._listen, index))

    @abstractmethod
    def ended(self, index: int, future: asyncio.Future[Any]) -> None:
        """Decide, if the end of this part decides."""

    def withdraw(self) -> None:
        """Stop listening; a result that nobody saw goes back to where it came from."""
        self.withdrawn = True
        self._lose([])

    def seen(self) -> None:
        """Hand back what the result is made of: somebody has it now."""
        while self._held:
            part, future = self._held.pop(min(self._held))
            part.used(future)

    def _listen(self, index: int, future: asyncio.Future[Any]) -> None:
        if not self.withdrawn and not self.future.done():
            self._open -= 1
            self.ended(index, future)

    def succeed(self, value: Any, used: Sequence[int]) -> None:
        """Complete."""
        self.future.set_result(value)
        self._lose(used)

    def fail(self, future: asyncio.Future[Any], used: Sequence[int]) -> None:
        """End as this part did."""
        error = None if future.cancelled() else future.exception()
        if error is None:
            self.future.cancel()
        else:
            self.future.set_exception(error)
            self.future.exception()  # looked at: one that nobody awaits is no news
        self._lose(used)
        self.seen()

    def _lose(self, but: Sequence[int]) -> None:
        for index in [index for index in self._held if index not in but]:
            part, future = self._held.pop(index)
            part.lost(future)

    def _pass_on_cancellation(self, future: asyncio.Future[Any]) -> None:
        if future.cancelled() and not self.withdrawn:
            for _, waited_for in self._held.values():
                waited_for.cancel()
            self._lose([])


class AnyRound(_Round):
    """Completes with the first that completes; fails with the last failure when all have failed."""

    def __init__(self, parts: Sequence[Source], value: Callable[[int, Any], Any]) -> None:
        self._value = value
        super().__init__(parts)

    def ended(self, index: int, future: asyncio.Future[Any]) -> None:
        """Decide, if the end of this part decides."""
        if has_value(future):
            winner = self._winner(index)
            self.succeed(self._value(winner, self._parts[winner][1].result()), [winner])
        elif not self._open:
            self.fail(future, range(len(self._parts)))

    def _winner(self, index: int) -> int:
        if self._parts[index][0].is_timer:
            for other, (part, future) in enumerate(self._parts):
                if not part.is_timer and has_value(future):
                    return other
        return index


class AllRound(_Round):
    """Completes when all have, in their order; fails with the first failure."""

    def __init__(self, parts: Sequence[Source], value: Callable[[Sequence[Any]], Any]) -> None:
        self._value = value
        super().__init__(parts)
        if not parts:
            self.succeed(value(()), ())

    def ended(self, index: int, future: asyncio.Future[Any]) -> None:
        """Decide, if the end of this part decides."""
        if not has_value(future):
            self.fail(future, [index])
        elif not self._open:
            self.succeed(self._value([part.result() for _, part in self._parts]), range(len(self._parts)))


class CombinedSource:
    """A combination; starts to listen at once, so that it knows who was first however late it is awaited."""

    number = None
    is_timer = False

    def __init__(self, start: Callable[[], _Round]) -> None:
        self._start = start
        self._round = start()
        self._users = 0
        self._seen = False
        """Somebody has got the result: it stays."""

    @property
    def status(self) -> str:
        """As the operation says."""
        return status_of(self._round.future)

    def take(self) -> asyncio.Future[Any]:
        """Return the future to wait for."""
        if self._round.withdrawn:
            self._round = self._start()
        self._users += 1
        return self._round.future

    def used(self, future: asyncio.Future[Any]) -> None:
        """Take back a future whose end was seen."""
        self._users -= 1
        if has_value(future):
            self._seen = True
            self._round.seen()

    def lost(self, future: asyncio.Future[Any]) -> None:
        """Take back a future that is needed no more."""
        self._users -= 1
        if not self._users and not (self._seen if has_value(future) else future.done()):
            self._round.withdraw()

    def cancel(self) -> None:
        """Cancel the command."""
        self._round.future.cancel()
