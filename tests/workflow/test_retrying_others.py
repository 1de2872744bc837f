"""Rewinds of instances that have children, or methods beside the main one."""

from __future__ import annotations

from typing import Any, Protocol

from leveret import workflow
from leveret.errors import TaskFailed
from leveret_actors.actor import ActorAddress
from leveret_actors.testing import replay
from leveret_broker.envelope import AwaitResult, Call, Cancel, ClientCaller, Ended, Envelope, RetryTasks, WorkflowCaller
from leveret_broker.outcome import Completed, Failed, Failure
from tests.workflow.harness import CODEC, Driver


class Bank(Protocol):
    async def pay(self) -> int: ...
    async def refund(self) -> int: ...


@workflow.define(name="W")
class Family:
    bank = workflow.service(Bank)

    def __init__(self) -> None:
        self.points = 0

    async def parent(self) -> int:
        return int(await workflow.new("Child").call("run", {}))

    async def gives_up(self) -> int:
        try:
            return await self.bank.pay()
        except TaskFailed as error:
            workflow.new("Child").dispatch("run", {})
            await self.bank.refund()
            raise ValueError("no luck") from error

    async def add(self, points: int) -> int:
        self.points += points
        return self.points


def sent(driver: Driver, kind: type[Any]) -> list[Envelope]:
    posts = [post for post in driver.posts if isinstance(post.to, ActorAddress) and post.to.kind == "Child"]
    envelopes = [post.envelope for post in posts if isinstance(post.envelope, Envelope)]
    return [envelope for envelope in envelopes if isinstance(envelope.message, kind)]


def child_ended(driver: Driver, outcome: Any, sequence: int) -> Envelope:
    message_id = f"child.{sequence}"
    return driver.envelope(Ended(1, outcome, sequence=sequence), message_id=message_id, run=driver.run)


def test_a_parent_that_failed_by_its_child_asks_it_again_once_it_is_retried() -> None:
    driver = Driver(Family)
    driver.start(method="parent")
    where = {"workflow": "Child", "instance": f"{driver.run}.1"}
    driver.turn(child_ended(driver, Failed(Failure("Boom", "no", where=where)), 0))
    assert driver.status == "failed"

    driver.send(RetryTasks())
    driver.turn(child_ended(driver, Completed(CODEC.dump(5)), 0))
    (question,) = sent(driver, AwaitResult)
    driver.turn(child_ended(driver, Completed(CODEC.dump(6)), 1))

    assert isinstance(question.message, AwaitResult)
    assert isinstance(question.message.caller, WorkflowCaller)
    assert (question.actor, question.message.caller.sequence) == (f"{driver.run}.1", 1)
    assert driver.value == 6
    assert replay(Family, driver.store.journal).turns > 0


def test_children_of_void_turns_are_cancelled() -> None:
    driver = Driver(Family)
    driver.start(method="gives_up")
    driver.end(1, Failed(Failure("Declined", "no", where={"task_id": f"{driver.run}.1"})))
    driver.end(3, 1)
    assert driver.status == "failed"

    driver.send(RetryTasks())

    assert [envelope.actor for envelope in sent(driver, Cancel)] == [f"{driver.run}.2"]
    assert driver.status == "running"


def test_a_method_that_ended_in_a_void_turn_runs_again_and_its_caller_is_told_once() -> None:
    driver = Driver(Family)
    driver.start(method="gives_up")
    driver.end(1, Failed(Failure("Declined", "no", where={"task_id": f"{driver.run}.1"})))
    driver.send(Call("add", CODEC.dump({"points": 3}), ClientCaller("client", "add")), message_id="add")
    driver.end(3, 1)
    told = [answer for answer in driver.answers if isinstance(answer, Completed)]
    assert len(told) == 1

    driver.send(RetryTasks())
    driver.send(Call("add", CODEC.dump({"points": 4}), ClientCaller("client", "more")), message_id="more")
    envelope = Ended(1, Completed(CODEC.dump(9)), sequence=1)
    driver.turn(driver.envelope(envelope, message_id="again", run=driver.run))

    values = [CODEC.load(answer.value) for answer in driver.answers if isinstance(answer, Completed)]
    assert values == [3, 7]
    assert driver.value == 9
    assert replay(Family, driver.store.journal).turns > 0
