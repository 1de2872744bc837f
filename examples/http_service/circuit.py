"""A circuit breaker: who is down is left alone for a while."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

from examples.http_service.payments import Later, Unavailable


class Circuit:
    """Opens for `seconds` after `failures` in a row; one object for all tasks of a node."""

    def __init__(
        self, failures: int = 5, seconds: float = 10.0, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Begin closed."""
        self._limit = failures
        self._seconds = seconds
        self._clock = clock
        self._failures = 0
        self._until = 0.0

    @asynccontextmanager
    async def call(self) -> AsyncGenerator[None]:
        """Let a call through and see how it ends; raises `Later` while the circuit is open."""
        left = self._until - self._clock()
        if left > 0:
            raise Later(left)
        try:
            yield
        except Unavailable:
            self._failures += 1
            if self._failures >= self._limit:
                self._until = self._clock() + self._seconds
            raise
        self._failures = 0
