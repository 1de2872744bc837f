"""What waits for SQLite's answers."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from leveret_actors.store.sqlite import SqliteStore
from leveret_broker.embedded.database import Database


async def test_a_cancellation_that_comes_together_with_the_answer_is_not_lost(tmp_path: Path) -> None:
    store = SqliteStore(Database(tmp_path / "store.db"), "t")
    answer: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    waiting = asyncio.create_task(store._answer(answer))
    await asyncio.sleep(0)

    answer.set_result(1)
    waiting.cancel()

    with pytest.raises(asyncio.CancelledError):
        await waiting
