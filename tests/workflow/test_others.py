"""H06: signals, calls and cancellations from one workflow to another, by id and by tag."""

from typing import Any

import pytest

from leveret import ArgumentMismatch, workflow
from leveret_actors.actor import ActorAddress
from leveret_broker.address import TAGS
from leveret_broker.envelope import Call, Cancel, Ended, Envelope, Signal, TagFan, TagPass, WorkflowCaller, decode
from leveret_broker.outcome import Completed, Unknown
from tests.workflow.harness import CODEC, Driver
from tests.workflow.world import World


@workflow.define(name="Loyalty")
class Loyalty:
    bonuses = workflow.Channel[int]()

    async def run(self) -> int:
        return await self.bonuses.receive()

    async def add(self, points: int) -> int:
        return points


@workflow.define(name="Shop")
class Shop:
    async def signals(self) -> None:
        await workflow.get(Loyalty, id="u1").bonuses.send(5)
        await workflow.get("Loyalty", id="u2").signal("bonuses", 6, message_id="mine")
        await workflow.all(Loyalty, tag="gold").bonuses.send(7)

    async def cancels(self) -> None:
        await workflow.cancel(workflow.get(Loyalty, id="u1"), "closing down")
        await workflow.get("Loyalty", id="u2").cancel()
        await workflow.cancel(workflow.all(Loyalty, tag="gold"))

    async def calls(self) -> int:
        return await workflow.get(Loyalty, id="u1").add(3)

    async def calls_by_name(self) -> Any:
        return await workflow.get("Loyalty", id="u1").call("add", {"points": 4})

    async def calls_all(self) -> str:
        first = workflow.dispatch(workflow.all(Loyalty, tag="gold").add, 5)
        second = workflow.all("Loyalty", tag="gold").dispatch("add", {"points": 6})
        await (first & second)
        return first.status

    async def awaits_all(self) -> None:
        await workflow.all(Loyalty, tag="gold").add(5)

    async def tells_its_claimed_child(self) -> None:
        workflow.dispatch(workflow.new(Loyalty, id="u1", unique_tag="u").run)
        await workflow.get(Loyalty, id="u1").bonuses.send(5)

    async def misfits(self) -> None:
        await workflow.get(Loyalty, id="u1").bonuses.send("five")  # type: ignore[arg-type]

    async def forgets(self) -> None:
        workflow.get(Loyalty, id="u1").bonuses.send(5)  # type: ignore[unused-coroutine]


def sent(driver: Driver) -> list[tuple[Any, Envelope]]:
    return [(post.to, post.envelope) for post in driver.posts if isinstance(post.envelope, Envelope)]


def test_H06_signals_reach_others_by_id_and_by_tag() -> None:
    driver = Driver(Shop)

    driver.start(method="signals", caller=None)

    by_id, by_name, by_tag = sent(driver)
    assert by_id[0] == ActorAddress("Loyalty", "u1")
    assert (by_id[1].id, by_id[1].message) == (f"{driver.run}.1.g", Signal("bonuses", CODEC.dump(5)))
    assert (by_name[1].id, by_name[1].actor) == ("mine", "u2")
    assert by_tag[0] == ActorAddress(TAGS, "Loyalty/gold")
    assert by_tag[1].message == TagFan(Signal("bonuses", CODEC.dump(7), patient=True))
    assert driver.status == "completed"
    assert [command.kind for command in driver.records[0].commands] == ["signal"] * 3


def test_H06_a_signal_resumes_the_other_workflow() -> None:
    world = World(Shop, Loyalty)
    world.start("Loyalty", "u1")

    world.start("Shop", method="signals")

    assert world["Loyalty", "u1"].value == 5


def test_cancellations_reach_others_by_id_and_by_tag() -> None:
    driver = Driver(Shop)

    driver.start(method="cancels", caller=None)

    assert [envelope.message for _, envelope in sent(driver)] == [
        Cancel(reason="closing down"),
        Cancel(),
        TagFan(Cancel()),
    ]
    assert driver.status == "completed"


@pytest.mark.parametrize("method", ["calls", "calls_by_name"])
def test_H06_a_call_waits_for_the_outcome_of_its_method(method: str) -> None:
    driver = Driver(Shop)

    driver.start(method=method)
    ((to, call),) = sent(driver)
    driver.end(1, 11)

    assert to == ActorAddress("Loyalty", "u1")
    assert call.id == f"{driver.run}.1.m"
    assert isinstance(call.message, Call)
    assert call.message.caller == WorkflowCaller(driver.queue, "i", driver.run, 1, "Shop", method)
    assert driver.value == 11


def test_H07_calling_an_unknown_id_raises_in_the_caller() -> None:
    driver = Driver(Shop)
    driver.start(method="calls")

    driver.end(1, Unknown({"workflow": "Loyalty", "instance": "u1"}))

    assert driver.status == "failed"
    assert "WorkflowUnknown: workflow Loyalty 'u1' does not exist" in driver.state.reason


def test_P03_a_call_by_tag_runs_on_all_and_waits_for_none() -> None:
    driver = Driver(Shop)

    driver.start(method="calls_all")

    messages = [envelope.message for to, envelope in sent(driver) if isinstance(to, ActorAddress)]
    assert messages == [TagFan(Call("add", CODEC.dump({"points": points}), patient=True)) for points in (5, 6)]
    assert driver.value == "completed"


def test_P03_a_call_by_tag_that_waits_is_refused() -> None:
    driver = Driver(Shop)

    driver.start(method="awaits_all")

    assert driver.status == "failed"
    assert "no single result" in driver.state.reason
    assert not [to for to, _ in sent(driver) if isinstance(to, ActorAddress)]


def test_what_is_for_a_claimed_child_goes_behind_its_claim() -> None:
    driver = Driver(Shop)

    driver.start(method="tells_its_claimed_child", caller=None)

    (to, _), (behind, passed) = sent(driver)
    assert to == behind == ActorAddress(TAGS, "Loyalty/u")
    assert isinstance(passed.message, TagPass)
    assert decode(passed.message.envelope).message == Signal("bonuses", CODEC.dump(5))


def test_W06_a_signal_that_does_not_fit_is_an_error_at_the_sender() -> None:
    driver = Driver(Shop)

    driver.start(method="misfits", caller=None)

    assert driver.status == "failed"
    assert f"{ArgumentMismatch.__name__}: Loyalty.bonuses.send(): the value does not fit" in driver.state.reason
    assert sent(driver) == []


def test_a_signal_that_nobody_awaits_is_an_error_of_its_method() -> None:
    driver = Driver(Shop)

    driver.start(method="forgets")

    assert driver.status == "failed"
    assert "without having awaited its call of Loyalty.bonuses.send" in driver.state.reason


def test_a_late_outcome_of_a_call_is_dropped() -> None:
    driver = Driver(Shop)
    driver.start(method="calls")
    driver.end(1, 1)

    turn = driver.send(Ended(1, Completed(CODEC.dump(2))), run=driver.run)

    assert turn.write is None
