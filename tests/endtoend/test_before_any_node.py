"""What is asked for while nobody is there to do it: nothing is lost, and one can see what is waited for."""

from __future__ import annotations

import asyncio
import time

import pytest

from leveret import ArgumentMismatch, Client
from leveret_broker.address import MailboxQueue
from tests.endtoend.audit import assert_nothing_left, assert_sound, opened
from tests.endtoend.house import House, until
from tests.endtoend.language import Failing, Listening, Plain, Stranded, Timing


async def test_W14_a_workflow_without_a_node_says_so_and_runs_when_one_comes(house: House, client: Client) -> None:
    handle = await client.dispatch(client.new(Plain).chain, 1)

    description = await handle.describe(0.3)
    assert not description.found
    assert "no node of this workflow" in str(description.data["reason"])
    assert "consumers 0, messages " in str(description.data["reason"])
    await house.serving("language")

    assert await handle.result(20) == 12
    await assert_sound(Plain, handle)


async def test_a_task_of_a_service_without_a_worker_is_seen_waiting_and_runs_when_one_comes(
    house: House, client: Client
) -> None:
    await house.serving("language:Stranded")
    handle = await client.dispatch(client.new(Stranded).run)

    async def waits() -> bool:
        return "Helper.add" in str((await handle.describe()).data["pending"])

    await until(waits, "the pending task is described")
    await house.serving("language:Helpful")

    assert await handle.result(20) == 42
    await assert_sound(Stranded, handle)


async def test_W12_an_instance_cancelled_before_any_node_was_there_starts_and_sees_it(
    house: House, client: Client
) -> None:
    handle = await client.dispatch(client.new(Failing).compensating)
    await handle.cancel()
    await house.serving("language")

    assert await handle.result(20) == "compensated 2"
    await assert_sound(Failing, handle)


async def test_C10_signals_right_after_the_start_reach_it_with_the_node_down(house: House, client: Client) -> None:
    by_id = [await client.dispatch(client.new(Listening).one) for _ in range(10)]
    by_tag = [await client.dispatch(client.new(Listening, tags={f"t{n}"}).one) for n in range(10)]
    for handle in by_id:
        await client.get(Listening, id=handle.id).inbox.send(1)
    for number in range(10):
        await client.all(Listening, tag=f"t{number}").inbox.send(2)
    await house.serving("language")

    assert await asyncio.gather(*(handle.result(20) for handle in by_id + by_tag)) == [1] * 10 + [2] * 10
    await assert_sound(Listening, *by_id, *by_tag)


async def test_T01_T03_tags_are_there_when_dispatch_returns_and_gone_after_the_end(
    house: House, client: Client
) -> None:
    await house.serving("language")
    everybody = client.all(Listening, tag="t")
    handles = [await client.dispatch(client.new(Listening, tags={"t"}).one) for _ in range(5)]
    members = [member.id async for member in client.members(everybody)]
    await everybody.inbox.send(1)

    assert members == [handle.id for handle in handles]
    assert await asyncio.gather(*(handle.result(20) for handle in handles)) == [1] * 5

    async def gone() -> bool:
        return not [member async for member in client.members(everybody)]

    await until(gone, "the tag is gone")


async def test_M03_timers_over_a_restart_of_everything_fire_once(house: House, client: Client) -> None:
    node = await house.serving("language")
    due = await client.dispatch(client.new(Timing).wait, 1.0)
    later = await client.dispatch(client.new(Timing).wait, 3.0)
    at = time.monotonic()
    for handle in (due, later):
        assert (await handle.describe()).data["status"] == "running"
    await node.kill()
    await until(lambda: time.monotonic() > at + 1.2, "the first timer is due with nobody there")

    node = await house.serving("language")
    assert [await due.result(20), await later.result(20)] == ["fired", "fired"]

    assert 2.9 < time.monotonic() - at < 10
    await assert_sound(Timing, due, later)
    assert await node.stop() == 0
    await assert_nothing_left(house.url, "Timing")


async def test_W06_an_argument_that_does_not_fit_is_refused_before_anything_is_sent(
    house: House, client: Client
) -> None:
    with pytest.raises(ArgumentMismatch, match=r"Plain\.chain.*start"):
        await client.dispatch(client.new(Plain).chain, "one")  # type: ignore[arg-type]
    with pytest.raises(ArgumentMismatch, match=r"Plain\.chain"):
        await client.new(Plain).chain(1, 2)  # type: ignore[call-arg]

    async with opened(house.url) as (transport, _):
        depths = [await transport.inspect(MailboxQueue("Plain", index)) for index in range(8)]
    assert all(depth is None or depth.messages == 0 for depth in depths)
