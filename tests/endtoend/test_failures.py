"""E: failures and cancelling, through the whole stack."""

from __future__ import annotations

import time

import pytest

from leveret import Client, WorkflowCancelled, WorkflowFailed
from leveret.failure import attributes_of
from tests.endtoend.audit import assert_sound
from tests.endtoend.house import House, until
from tests.endtoend.language import Failing

pytestmark = pytest.mark.usefixtures("inhabited")


async def test_E01_E04_a_failed_task_tells_everything_about_itself(client: Client) -> None:
    handle = await client.dispatch(client.new(Failing).uncaught)

    with pytest.raises(WorkflowFailed) as raised:
        await handle.result(20)

    task = raised.value.failure.cause
    assert task is not None
    assert task.type == "tests.endtoend.language.Refusal"
    assert (task.message, attributes_of(task)) == ("over the limit of 7", {"limit": 7})
    assert task.cause is not None
    assert task.cause.type == "KeyError"
    assert "raise Refusal(limit)" in task.traceback
    where = raised.value.failure.where
    assert (where["service"], where["task"], where["attempt"]) == ("Helper", "refuse", "1")
    assert {"task_id", "worker"} <= set(where)


async def test_E02_a_failed_task_can_be_caught(client: Client) -> None:
    handle = await client.dispatch(client.new(Failing).caught)

    assert await handle.result(20) == ["before", "Refusal", "KeyError", "2"]
    await assert_sound(Failing, handle)


async def test_E03_a_failure_that_nobody_awaits_has_no_effect(client: Client, inhabited: House) -> None:
    handle = await client.dispatch(client.new(Failing).ignored)

    assert await handle.result(20) == "2"
    await until(lambda: inhabited.effects("refuse")[handle.id] == 1, "the task runs")
    await assert_sound(Failing, handle)


async def test_E05_a_workflow_that_raises_tells_who_waits_at_once_and_is_kept(client: Client) -> None:
    started = time.monotonic()

    with pytest.raises(WorkflowFailed, match="ZeroDivisionError: by design") as raised:
        await client.new(Failing, id=f"mistaken-{started}").mistaken()

    assert time.monotonic() - started < 5
    assert "mistaken" in raised.value.failure.traceback
    data = (await client.describe(client.get(Failing, id=f"mistaken-{started}"))).data
    assert data["status"] == "failed"
    assert "by design" in str(data["reason"])


async def test_E10_an_exception_without_words_is_reported(client: Client) -> None:
    with pytest.raises(WorkflowFailed, match="Unspeakable"):
        await client.new(Failing).mumbling()


async def test_E11_a_result_that_cannot_be_encoded_fails_the_task_at_once(client: Client, inhabited: House) -> None:
    handle = await client.dispatch(client.new(Failing).forgetful)

    assert "object" in await handle.result(20)
    assert inhabited.effects("forget")[handle.id] == 1
    await assert_sound(Failing, handle)


@pytest.mark.parametrize("method", ["task", "timer", "signal", "back_off"])
async def test_E12_an_instance_is_cancelled_from_another_client_wherever_it_waits(
    inhabited: House, client: Client, method: str
) -> None:
    handle = await client.new("Failing").dispatch(method)
    noted = {"task": "stall", "back_off": "back_off"}.get(method)
    await until(lambda: noted is None or inhabited.effects(noted)[handle.id] == 1, "the task runs")

    async with Client(inhabited.url) as other:
        await other.get("Failing", id=handle.id).cancel("enough")

    with pytest.raises(WorkflowCancelled):
        await handle.result(20)
    assert (await handle.describe()).data["status"] == "cancelled"
    await assert_sound(Failing, handle)


async def test_E12_an_instance_may_compensate_when_it_is_cancelled(client: Client) -> None:
    handle = await client.dispatch(client.new(Failing).compensating)
    await handle.cancel()

    assert await handle.result(20) == "compensated 2"
    await assert_sound(Failing, handle)


async def test_E12_cancelling_by_tag_reaches_all(client: Client) -> None:
    handles = [await client.dispatch(client.new(Failing, tags={"enough"}).signal) for _ in range(3)]
    await client.all("Failing", tag="enough").cancel()

    for handle in handles:
        with pytest.raises(WorkflowCancelled):
            await handle.result(20)
    await assert_sound(Failing, *handles)


async def test_O01_a_task_over_its_contract_timeout_can_be_caught(client: Client) -> None:
    handle = await client.dispatch(client.new(Failing).overdue)

    assert await handle.result(20) == "overdue 2"
    await assert_sound(Failing, handle)
