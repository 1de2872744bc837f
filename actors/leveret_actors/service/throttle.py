"""A rate limit as one worker feels it: tokens that it drew from the bucket that all nodes share."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from typing import Final

from loguru import logger

from leveret.rate import Rate
from leveret_actors.store.contract import Store
from leveret_actors.store.restraints import Draw
from leveret_broker.errors import StoreError

STALE: Final = 1.0
"""Seconds after which a token is thrown away: kept for longer, it would add to those that came since."""
PAUSE: Final = 0.02
"""Seconds between two draws, where that loses nothing: a trip for every token would keep the store busy."""
AWAY: Final = 1.0
"""Seconds until a store that did not answer is asked again."""


def throttle(store: Store, service: str, rate: Rate | None, ready: Callable[[], None]) -> Throttle | None:
    """Return what holds a service back that has a rate."""
    return None if rate is None else Throttle(store, service, rate, ready)


class Throttle:
    """Lets attempts begin.

    No attempt waits for the store: tokens are drawn in the background, as many as there are attempts to begin, and
    `ready` is called when there are some. While the store is away none are, and nothing begins.
    """

    def __init__(self, store: Store, bucket: str, rate: Rate, ready: Callable[[], None]) -> None:
        self._store = store
        self._bucket = bucket
        self._rate = rate
        self._ready = ready
        self._tokens = 0
        self._drawn_at = 0.0
        self._drawing: asyncio.Task[None] | None = None

    def prefetch(self, slots: int, seconds: float) -> int:
        """Return how many tasks to hold: no more than may begin in the time after which a running one gets a lease.

        What waits for tokens is better kept in the queue; a task under a lease holds no delivery.
        """
        return max(1, min(slots, math.ceil(self._rate.per_second * seconds) + 1))

    def lets_begin(self, wanted: int) -> bool:
        """Take a token, or begin to draw for the `wanted` attempts that wait."""
        now = asyncio.get_running_loop().time()
        if self._tokens and now - self._drawn_at < STALE:
            self._tokens -= 1
            return True
        self._tokens = 0
        if self._drawing is None:
            self._drawing = asyncio.create_task(self._draw(wanted), name=f"tokens of {self._bucket}")
            self._drawing.add_done_callback(self._drew)
        return False

    def put_back(self) -> None:
        """Give back a token that was not needed after all."""
        self._tokens += 1

    def close(self) -> None:
        """Draw no more."""
        if self._drawing is not None:
            self._drawing.cancel()

    async def _draw(self, wanted: int) -> None:
        """Draw until there is a token."""
        most = self._rate.most
        while True:
            draw = Draw(self._bucket, min(wanted, most), self._rate.per_second, most)
            try:
                (found,) = await self._store.draw([draw])
            except StoreError as error:
                logger.warning("service {} waits for the store, its rate is limited: {}", self._bucket, error)
                await asyncio.sleep(AWAY)
                continue
            except Exception:
                logger.exception("service {}: tokens could not be drawn, trying again", self._bucket)
                await asyncio.sleep(AWAY)
                continue
            if found.count:
                self._tokens, self._drawn_at = found.count, asyncio.get_running_loop().time()
                return
            # Up to half of the time in which the bucket fills nothing runs over.
            await asyncio.sleep(max(found.wait, min(PAUSE, most / self._rate.per_second / 2)))

    def _drew(self, task: asyncio.Task[None]) -> None:
        self._drawing = None
        if not task.cancelled():
            self._ready()
