"""M: timers, through the whole stack."""

from __future__ import annotations

import asyncio
import time

import pytest

from leveret import Client
from tests.endtoend.audit import assert_sound
from tests.endtoend.language import Timing

pytestmark = pytest.mark.usefixtures("inhabited")


async def test_M01_durations_and_times_past_ones_too(client: Client) -> None:
    handle = await client.dispatch(client.new(Timing).past)

    assert await handle.result(20) == "past"
    await assert_sound(Timing, handle)


async def test_M02_a_timer_against_a_signal_the_timer_wins(client: Client) -> None:
    handle = await client.dispatch(client.new(Timing).race, 0.05)

    assert await handle.result(20) == "timer"
    await assert_sound(Timing, handle)


async def test_M02_a_timer_against_a_signal_the_signal_wins(client: Client) -> None:
    handle = await client.dispatch(client.new(Timing).race, 3600)
    await client.get(Timing, id=handle.id).inbox.send(1)

    assert await handle.result(20) == "signal"
    await assert_sound(Timing, handle)


async def test_M05_five_hundred_timers_due_at_once_all_fire(client: Client) -> None:
    started = time.monotonic()
    handles = await asyncio.gather(*(client.dispatch(client.new(Timing).wait, 0.5) for _ in range(500)))

    assert await asyncio.gather(*(handle.result(30) for handle in handles)) == ["fired"] * 500
    assert time.monotonic() - started < 30
    await assert_sound(Timing, *handles[:20])
