"""The embedded store: journals in the SQLite file that carries the messages too, so that a commit is everything."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Final

from loguru import logger

from leveret_actors.store.sqlite import listening, restraints
from leveret_actors.store.sqlite.queues import QueueStore
from leveret_actors.store.sqlite.shared import SharedStore
from leveret_actors.store.sqlite.tables import SCHEMA, VERSION
from leveret_broker.embedded.database import Database
from leveret_broker.errors import StoreUnavailable

AGAIN_SECONDS: Final = 0.5
"""Pause before another try when the file was not to be had."""


class SqliteStore(QueueStore, SharedStore):
    """A store of one namespace; give it the database of the node's transport, then a commit sends as well."""

    atomic = True

    def __init__(self, database: Database, namespace: str, *, clock: Callable[[], float] = time.time) -> None:
        super().__init__(database, namespace, clock=clock)
        self._open = False

    async def open(self, deadline: float | None = None) -> None:
        """Open the file; see `Store`. `ConfigurationError` and `StoreRefused` say what cannot be used."""
        end = None if deadline is None else time.monotonic() + deadline
        while True:
            try:
                await self._database.open()
                break
            except StoreUnavailable as error:
                logger.warning("{} is not to be had: {}", self._database.path, error)
                if end is not None and time.monotonic() + AGAIN_SECONDS > end:
                    raise
                await asyncio.sleep(AGAIN_SECONDS)
        try:
            await self._database.install("store", VERSION, SCHEMA)
            await self._database.install("restraints", restraints.VERSION, restraints.SCHEMA)
            await self._database.install("seats", restraints.SEATS_VERSION, restraints.SEATS_SCHEMA)
            await self._database.install("listeners", listening.VERSION, listening.SCHEMA)
        except BaseException:
            await self._database.close()
            raise
        self._open = True

    async def close(self) -> None:
        """Finish what is being written, then close; a second call does nothing."""
        if self._open:
            self._open = False
            await self._database.close()

    async def clock(self) -> float:
        """Return this machine's time."""
        return self._clock()
