"""What both halves of the SQLite store stand on."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Final, TypeVar

from leveret_actors.store.contract import Store
from leveret_broker.embedded.database import Database
from leveret_broker.embedded.worker import Transaction
from leveret_broker.errors import StoreUnavailable

T = TypeVar("T")

STORE_SECONDS: Final = 30.0
"""When an answer is given up: above what SQLite itself waits for other processes."""


class SqliteBase(Store):
    """A database, a namespace in it, a clock."""

    def __init__(self, database: Database, namespace: str, *, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._namespace = namespace
        self._clock = clock

    async def _write(self, job: Callable[[Transaction], T]) -> T:
        return await self._answer(self._database.write(job))

    async def _read(self, job: Callable[[Transaction], T]) -> T:
        return await self._answer(self._database.read(job))

    async def _answer(self, future: asyncio.Future[T]) -> T:
        try:
            # Not wait_for: before 3.12 it swallows a cancellation that comes together with the answer.
            async with asyncio.timeout(STORE_SECONDS):
                return await future
        except TimeoutError as error:
            raise StoreUnavailable(f"{self._database.path} did not answer within {STORE_SECONDS:.0f} s") from error
