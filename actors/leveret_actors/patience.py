"""Patience: what takes from a queue goes on through lost connections, stores that do not answer, and errors."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

from loguru import logger

from leveret_broker.backoff import pause
from leveret_broker.errors import BrokerRefused, LeveretError, StaleEpoch, SubscriptionLost, TransportClosed

FINAL: Final = (TransportClosed, BrokerRefused)
"""What trying again does not mend."""
LOUD: Final = 60.0
"""Seconds between two lines that say the same."""


class Patience:
    """Does a job again whenever it ends; see `persist`.

    `who` stands in the log. After `SubscriptionLost` or `StaleEpoch` the next attempt begins at once; after another
    error it waits, for `first` seconds at most, twice as long after each further one in a row, up to `longest`. Errors
    that are `final` are raised.
    """

    def __init__(
        self, who: str, *, first: float = 1.0, longest: float = 1.0, final: tuple[type[Exception], ...] = FINAL
    ) -> None:
        self.who = who
        self._first = first
        self._longest = longest
        self._final = final
        self._failures = 0
        self._said = ""
        self._said_at = 0.0

    async def persist(self, job: Callable[[], Awaitable[None]], until: asyncio.Event | None = None) -> None:
        """Do a job again and again, until cancelled or `until` is set; raises the errors that are final."""
        while until is None or not until.is_set():
            try:
                await job()
            except self._final:
                raise
            except (SubscriptionLost, StaleEpoch) as error:
                logger.info("{} lost its queue, subscribing again: {}", self.who, _text(error))
            except Exception as error:
                self.complain(error)
                await self.rest(until)

    def rewarded(self) -> None:
        """Have the next failure count as the first."""
        self._failures = 0

    async def rest(self, until: asyncio.Event | None = None) -> None:
        """Wait before the next attempt, or until the event."""
        self._failures += 1
        with suppress(TimeoutError):
            async with asyncio.timeout(pause(self._failures, first=self._first, longest=self._longest)):
                await (until or asyncio.Event()).wait()

    def complain(self, error: Exception) -> None:
        """Say what is wrong: the same again only now and then; of what nobody foresaw the stack, each time."""
        if not isinstance(error, LeveretError):
            logger.opt(exception=error).error("{} stumbled, trying again", self.who)
            return
        text, now = _text(error), time.monotonic()
        if text != self._said or now - self._said_at > LOUD:
            self._said, self._said_at = text, now
            logger.error("{}: {}", self.who, text)


def _text(error: Exception) -> str:
    return str(error) or type(error).__name__
