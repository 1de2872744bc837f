"""Ending what was cancelled."""

from __future__ import annotations

import asyncio

import pytest

from leveret_broker.ending import end


async def _loses_a_cancellation(lost: asyncio.Event) -> None:
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        lost.set()
    await asyncio.Event().wait()


async def test_what_loses_a_cancellation_is_cancelled_again() -> None:
    lost = asyncio.Event()
    task = asyncio.create_task(_loses_a_cancellation(lost))
    await asyncio.sleep(0)

    await end(task, again=0.01)

    assert lost.is_set()
    assert task.cancelled()


async def _raises() -> None:
    raise ValueError


@pytest.mark.filterwarnings("error")
async def test_what_was_raised_is_not_complained_about() -> None:
    task = asyncio.create_task(_raises())
    await asyncio.sleep(0)

    await end(task)

    assert task.done()
