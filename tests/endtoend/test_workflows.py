"""W: running workflows, through the whole stack."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID, uuid4

import pytest

from leveret import Client, WorkflowAlreadyStarted, WorkflowUnknown
from tests.endtoend.audit import assert_sound
from tests.endtoend.house import House, until
from tests.endtoend.language import Colour, Listening, Parcel, Plain

pytestmark = pytest.mark.usefixtures("inhabited")


async def test_W01_a_workflow_that_awaits_nothing_completes(client: Client) -> None:
    handle = await client.dispatch(client.new(Plain).nothing)

    assert repr(await handle.result(20)) == "None"  # type: ignore[func-returns-value]
    await assert_sound(Plain, handle)


async def test_W02_tasks_awaited_one_after_another_see_the_result_before(client: Client) -> None:
    handle = await client.dispatch(client.new(Plain).chain, 100)

    assert await handle.result(20) == 111
    await assert_sound(Plain, handle)


async def test_W05_values_arrive_as_their_types_in_workflow_task_and_client(client: Client) -> None:
    parcel = Parcel(
        Colour.BLUE, datetime.now(UTC), timedelta(days=2), UUID(int=5), Decimal("1.10"), {"a", "b"}, {"none": []}
    )

    handle = await client.dispatch(client.new(Plain).carry, parcel)

    assert await handle.result(20) == replace(parcel, inner={"it": [parcel]})
    await assert_sound(Plain, handle)


async def test_W07_the_same_id_twice_is_one_instance(client: Client) -> None:
    name = uuid4().hex
    first = await client.dispatch(client.new(Listening, id=name).one)
    second = await client.dispatch(client.new(Listening, id=name).one)

    with pytest.raises(WorkflowAlreadyStarted):
        await client.dispatch(client.new(Listening, id=name, on_conflict="fail").one)
    await client.get(Listening, id=name).inbox.send(5)

    assert [await first.result(20), await second.result(20)] == [5, 5]
    await assert_sound(Listening, first)


async def test_W08_a_unique_tag_twice_is_one_instance_until_that_one_has_ended(client: Client) -> None:
    tag = uuid4().hex
    first = await client.dispatch(client.new(Listening, unique_tag=tag).one)
    second = await client.dispatch(client.new(Listening, unique_tag=tag).one)
    await asyncio.gather(first.started(20), second.started(20))
    assert first.id == second.id
    with pytest.raises(WorkflowAlreadyStarted):
        await client.dispatch(client.new(Listening, unique_tag=tag, on_conflict="fail").one)

    await client.get(Listening, id=first.id).inbox.send(5)
    assert [await first.result(20), await second.result(20)] == [5, 5]

    async def free() -> bool:
        third = await client.dispatch(client.new(Listening, unique_tag=tag).one)
        await third.started(20)
        return third.id != first.id

    await until(free, "the tag can be used again")


async def test_W09_the_result_from_another_process_after_the_end(client: Client, inhabited: House) -> None:
    handle = await client.dispatch(client.new(Plain).chain, 1)
    await handle.result(20)

    code = (
        "import asyncio, sys\nfrom leveret import Client\n"
        "async def main():\n async with Client(sys.argv[1]) as client:\n"
        "  print('it is', await client.get('Plain', id=sys.argv[2]).result(20))\nasyncio.run(main())"
    )
    other = inhabited.python("-c", code, inhabited.url, handle.id)

    assert await other.ended() == 0
    assert other.log == "it is 12\n"


async def test_W10_the_result_of_an_id_that_never_was_is_unknown_at_once(client: Client) -> None:
    with pytest.raises(WorkflowUnknown):
        await client.get("Plain", id="never").result(20)


async def test_W11_two_hundred_tasks_at_once_come_back_in_order(client: Client, inhabited: House) -> None:
    handle = await client.dispatch(client.new(Plain).many, 200)

    assert await handle.result(30) == list(range(200))
    assert inhabited.effects("add")[handle.id] == 200
    await assert_sound(Plain, handle)


async def test_W15_info_says_who_runs(client: Client) -> None:
    handle = await client.dispatch(client.new(Plain, id=uuid4().hex, tags={"b", "a"}, meta={"who": "me"}).myself)

    assert await handle.result(20) == [handle.id, "Plain", "myself", "me", "a", "b"]
    await assert_sound(Plain, handle)


async def test_W16_workflows_and_tasks_by_name(client: Client) -> None:
    handle = await client.new("Plain").dispatch("by_name")

    assert await handle.result(20) == 3
    await assert_sound(Plain, handle)


async def test_W17_a_closed_id_started_again_is_taken_as_it_is_or_gets_a_new_run(client: Client) -> None:
    name = uuid4().hex
    assert await client.new(Plain, id=name).chain(1) == 12

    assert await client.new(Plain, id=name).chain(2) == 12
    with pytest.raises(WorkflowAlreadyStarted):
        await client.new(Plain, id=name, on_closed="fail").chain(2)
    assert await client.new(Plain, id=name, on_closed="new").chain(2) == 13


async def test_W18_the_same_start_message_twice_is_one_run(client: Client, inhabited: House) -> None:
    message = uuid4().hex
    start = client.new(Plain, message_id=message)
    first, second = await client.dispatch(start.chain, 1), await client.dispatch(start.chain, 1)
    assert [await first.result(20), await second.result(20)] == [12, 12]

    third = await client.dispatch(start.chain, 1)

    assert await third.result(20) == 12
    assert first.id == second.id == third.id
    assert inhabited.effects("add")[first.id] == 2
    await assert_sound(Plain, first)


async def test_R01_uuid_random_now_and_inline_differ_between_instances_and_stay_on_replay(client: Client) -> None:
    one, other = (
        await client.dispatch(client.new(Plain).repeatable),
        await client.dispatch(client.new(Plain).repeatable),
    )

    results = await asyncio.gather(one.result(20), other.result(20))

    assert all(mine != yours for mine, yours in list(zip(*results, strict=True))[:3])
    await assert_sound(Plain, one, other)


async def test_S03_a_task_knows_its_attempt_and_hands_meta_on_and_sync_tasks_have_a_context(client: Client) -> None:
    handle = await client.dispatch(client.new(Plain).contexts)

    assert await handle.result(20) == [".1.1", ".1", handle.id, "again", "block"]
    await assert_sound(Plain, handle)
