"""P · methods and properties of a running instance."""

from __future__ import annotations

import asyncio

import pytest

from leveret import ArgumentMismatch, WorkflowCancelled, WorkflowFailed, WorkflowUnknown, workflow
from leveret_broker.errors import ConfigurationError
from tests.conformance.house import DEADLINE, House


@workflow.define
class Loyalty:
    leave = workflow.Channel[str]()
    gift = workflow.Channel[int]()

    def __init__(self) -> None:
        self.total = 0

    async def run(self) -> int:
        await self.leave.receive()
        return self.total

    async def add(self, points: int) -> int:
        self.total += points
        return self.total

    async def add_gift(self) -> int:
        return await self.add(await self.gift.receive())

    async def at_least(self, points: int) -> int:
        await workflow.wait_for(lambda: self.total >= points)
        return self.total

    async def lose(self) -> None:
        await self.leave.receive()
        raise ValueError("lost")

    @workflow.query
    def level(self, names: dict[int, str]) -> str:
        return names[max(least for least in names if least <= self.total)]

    @workflow.query
    def cheats(self) -> None:
        self.total += 1

    @workflow.query
    def waits(self) -> None:
        workflow.timer(5)

    @workflow.query
    def buys(self) -> None:
        workflow.task("Shop.buy", {"points": self.total})

    @workflow.query
    def sends(self) -> None:
        workflow.dispatch(workflow.get(Loyalty, id="u1").add, 5)

    async def points(self) -> int:
        return self.total

    async def fail(self) -> None:
        raise ValueError("no points for you")


@workflow.define
class Reader:
    """Asks others."""

    async def run(self, user: str) -> list[int]:
        there = workflow.get(Loyalty, id=user)
        return [await there.points(), await workflow.get("Loyalty", id=user).call("points")]

    async def rewards(self, tag: str) -> str:
        all_of_them = workflow.all(Loyalty, tag=tag)
        workflow.dispatch(all_of_them.add, 5)
        try:
            await all_of_them.add(5)
        except ArgumentMismatch as error:
            return str(error)
        return "gave one"


async def test_P01_a_second_method_runs_beside_the_first_and_shares_its_properties(house: House) -> None:
    await house.open(Loyalty)
    handle = await house.start(Loyalty, id="u1")
    user = house.client.get(Loyalty, id="u1")

    gift = await house.client.dispatch(user.add_gift)
    totals = [await user.add(points) for points in (5, 2)]
    await user.gift.send(100)
    after_gift = await gift.result(DEADLINE)
    await user.leave.send("bye")

    assert (totals, after_gift) == ([5, 7], 107)
    assert await handle.result(DEADLINE) == 107
    assert await gift.result(DEADLINE) == 107


async def test_P01_methods_go_on_after_a_restart(house: House) -> None:
    await house.open(Loyalty, evict=True)
    handle = await house.start(Loyalty, id="u1")
    user = house.client.get(Loyalty, id="u1")
    gift = await house.client.dispatch(user.add_gift)
    await user.add(5)

    await house.restart()
    row = await house.described(handle, lambda row: len(row["methods"]) == 2)
    await user.gift.send(100)
    await user.leave.send("bye")

    assert [(method["name"], method["status"]) for method in row["methods"]] == [
        ("run", "running"),
        ("add_gift", "running"),
    ]
    assert all("test_p_methods.py" in method["line"] for method in row["methods"])
    assert await gift.result(DEADLINE) == 105
    assert await handle.result(DEADLINE) == 105


async def test_P02_a_getter_called_from_a_client(house: House) -> None:
    await house.open(Loyalty)
    await house.start(Loyalty, id="u1")
    user = house.client.get(Loyalty, id="u1")
    await user.add(5)

    assert await user.points() == 5
    assert await house.client.get("Loyalty", id="u1").call("points") == 5
    await user.leave.send("bye")


async def test_P02_a_getter_called_from_another_workflow(house: House) -> None:
    await house.open(Loyalty, Reader)
    handle = await house.start(Loyalty, id="u1")
    user = house.client.get(Loyalty, id="u1")
    await user.add(5)

    assert await house.call(Reader, "u1") == [5, 5]

    await user.leave.send("bye")
    assert await handle.result(DEADLINE) == 5


async def test_P03_by_tag_from_a_workflow_a_method_runs_on_all_and_has_no_single_result(house: House) -> None:
    await house.open(Loyalty, Reader)
    handles = [await house.start(Loyalty, id=f"u{number}", tags={"gold"}) for number in range(3)]

    text = await house.call(Reader, "gold", method="rewards")
    await house.client.all(Loyalty, tag="gold").leave.send("bye")

    assert "no single result" in text
    assert await asyncio.gather(*(handle.result(DEADLINE) for handle in handles)) == [5, 5, 5]


async def test_P03_by_tag_a_method_runs_on_all(house: House) -> None:
    await house.open(Loyalty)
    other = await house.start(Loyalty, id="other", tags={"silver"})
    for number in range(3):
        await house.start(Loyalty, id=f"u{number}", tags={"gold"})
    gold = house.client.all(Loyalty, tag="gold")

    await house.client.dispatch(gold.add, 5)
    await gold.leave.send("bye")

    handles = [house.client.get("Loyalty", id=f"u{number}") for number in range(3)]
    assert await asyncio.gather(*(handle.result(DEADLINE) for handle in handles)) == [5, 5, 5]
    with pytest.raises(ConfigurationError, match="no single result"):
        await gold.add(5)
    await house.client.all(Loyalty, tag="silver").leave.send("bye")
    assert await other.result(DEADLINE) == 0


async def test_P04_an_instance_closes_when_its_last_method_has_ended(house: House) -> None:
    await house.open(Loyalty)
    handle = await house.start(Loyalty, id="u1")
    user = house.client.get(Loyalty, id="u1")
    gift = await house.client.dispatch(user.add_gift)

    await user.leave.send("bye")
    result = await handle.result(DEADLINE)
    row = await house.described(handle, lambda row: row["methods"][0]["status"] == "completed")
    await user.gift.send(7)

    assert (result, row["status"]) == (0, "running")
    assert await gift.result(DEADLINE) == 7
    await house.status(handle, "completed")


async def test_P01_a_failing_method_fails_its_caller_and_the_others_go_on(house: House) -> None:
    await house.open(Loyalty)
    handle = await house.start(Loyalty, id="u1")
    user = house.client.get(Loyalty, id="u1")

    with pytest.raises(WorkflowFailed, match="no points for you"):
        await user.fail()
    row = await house.describe(handle)
    total = await user.add(5)
    await user.leave.send("bye")

    assert [(method["name"], method["status"]) for method in row["methods"]] == [
        ("run", "running"),
        ("fail", "failed"),
    ]
    assert total == 5


async def test_H07_a_call_to_nobody_says_so(house: House) -> None:
    await house.open(Loyalty)
    await house.start(Loyalty, id="u1")
    user = house.client.get(Loyalty, id="u1")
    await user.leave.send("bye")
    await house.client.get("Loyalty", id="u1").result(DEADLINE)

    with pytest.raises(WorkflowUnknown) as closed:
        await user.add(1)
    with pytest.raises(WorkflowUnknown):
        await house.client.get(Loyalty, id="nobody").add(1)

    assert closed.value.where["reason"] == "it is completed"


async def test_E14_cancelling_one_method_leaves_the_others(house: House) -> None:
    await house.open(Loyalty)
    handle = await house.start(Loyalty, id="u1")
    user = house.client.get(Loyalty, id="u1")
    gift = await house.client.dispatch(user.add_gift)

    await gift.cancel("enough")
    with pytest.raises(WorkflowCancelled):
        await gift.result(DEADLINE)
    total = await user.add(5)
    await user.leave.send("bye")

    assert total == 5
    assert await handle.result(DEADLINE) == 5


async def test_W18_the_same_call_sent_again_runs_once(house: House) -> None:
    await house.open(Loyalty)
    handle = await house.start(Loyalty, id="u1")
    named = house.client.get("Loyalty", id="u1")

    once = await named.call("add", {"points": 5}, message_id="bonus")
    await house.restart()
    again = await named.call("add", {"points": 5}, message_id="bonus")
    await named.signal("leave", "bye")
    await house.status(handle, "completed")
    closed = await named.call("add", {"points": 5}, message_id="bonus")

    assert (once, again, closed) == (5, 5, 5)


async def test_P05_a_method_that_updates_a_property_resumes_who_waits_for_it(house: House) -> None:
    await house.open(Loyalty, evict=True)
    await house.start(Loyalty, id="u1")
    user = house.client.get(Loyalty, id="u1")
    waits = await house.client.dispatch(user.at_least, 10)

    await user.add(9)
    row = await house.describe(house.client.get("Loyalty", id="u1"))
    await user.add(1)
    await user.leave.send("bye")

    assert [method["name"] for method in row["methods"]] == ["run", "at_least"]
    assert await waits.result(DEADLINE) == 10


LEVELS = {0: "blue", 5: "silver", 10: "gold"}


async def test_P06_a_query_answers_on_a_running_a_failed_and_a_completed_instance(house: House) -> None:
    await house.open(Loyalty)
    handle = await house.start(Loyalty, id="u1")
    loser = await house.start(Loyalty, id="u2", method="lose")
    user, lost = house.client.get(Loyalty, id="u1"), house.client.get(Loyalty, id="u2")
    await user.add(7)
    await lost.add(11)

    running = await user.level(LEVELS)
    await user.leave.send("bye")
    await lost.leave.send("bye")
    await house.status(handle, "completed")
    await house.status(loser, "failed")
    before = [await house.journal(one) for one in (handle, loser)]

    assert (running, await user.level(LEVELS), await lost.level(LEVELS)) == ("silver", "silver", "gold")
    assert await house.client.get("Loyalty", id="u1").query("level", {"names": {0: "blue"}}) == "blue"
    assert [await house.journal(one) for one in (handle, loser)] == before
    with pytest.raises(WorkflowUnknown):
        await house.client.get(Loyalty, id="nobody").level(LEVELS)


async def test_P06_a_command_inside_of_a_query_fails_the_query_and_leaves_nothing(house: House) -> None:
    await house.open(Loyalty)
    handle = await house.start(Loyalty, id="u1")
    user = house.client.get(Loyalty, id="u1")
    await house.waiting(handle, "receive")
    before = await house.journal(handle)

    for query in (user.waits, user.buys, user.sends):
        with pytest.raises(WorkflowFailed, match="query"):
            await query()

    row = await house.describe(handle)
    assert await house.journal(handle) == before
    assert [command["kind"] for command in row["pending"]] == ["receive"]
    assert await house.next_timer(Loyalty) == 0
    await user.leave.send("bye")
    assert await handle.result(DEADLINE) == 0


async def test_P06_a_query_that_changes_something_fails_and_the_instance_goes_on(house: House) -> None:
    await house.open(Loyalty)
    handle = await house.start(Loyalty, id="u1")
    user = house.client.get(Loyalty, id="u1")

    with pytest.raises(WorkflowFailed, match="must only read"):
        await user.cheats()
    await user.leave.send("bye")

    assert await handle.result(DEADLINE) == 0
