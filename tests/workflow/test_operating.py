"""Operators' verbs inside workflow code: sent once, answered into the journal, the same on every replay."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from leveret import WorkflowUnknown, workflow
from leveret.errors import ArgumentMismatch, MustOnlyRead, RequestRefused
from leveret_actors.answers import told
from leveret_actors.testing import replay
from leveret_broker.envelope import (
    Cancel,
    CompleteTimers,
    Envelope,
    Fanned,
    Message,
    Refused,
    RetryTasks,
    RetryWorkflow,
    TagFan,
    Task,
)
from tests.workflow.harness import Driver
from tests.workflow.world import World


class Bank:
    async def pay(self, amount: int) -> int:
        return amount


@workflow.define
class Payment:
    bank = workflow.service(Bank)

    async def run(self) -> int:
        return await self.bank.pay(5)

    async def naps(self) -> str:
        await workflow.timer(3600)
        return "rested"

    async def broken(self) -> int:
        raise ValueError("a bug")


@workflow.define(check="strict")
class Supervisor:
    async def retries(self) -> list[Any]:
        done = await workflow.retry_tasks(workflow.get(Payment, id="p"), service=Bank, status="failed")
        return [done.found, done.count, done.text, done.status]

    async def chooses(self, task: str) -> int:
        return (await workflow.retry_tasks(workflow.get("Payment", id="p"), task)).count

    async def wakes(self) -> int:
        return (await workflow.complete_timers(workflow.get("Payment", id="p"))).count

    async def wakes_method(self) -> int:
        return (await workflow.complete_timers(workflow.get(Payment, id="p"), "another")).count

    async def resumes(self) -> str:
        return (await workflow.retry_workflow_task(workflow.get(Payment, id="p"))).text

    async def looks(self) -> list[Any]:
        found: dict[str, Any] = (await workflow.describe(workflow.get(Payment, id="p"))).data
        return [found["status"], found["retryable"][0]["name"], found["hint"]]

    async def unknown(self) -> list[str]:
        nobody = workflow.get(Payment, id="nobody")
        asked = (
            workflow.retry_tasks(nobody),
            workflow.retry_workflow_task(nobody),
            workflow.complete_timers(nobody),
            workflow.describe(nobody),
        )
        return [type(one).__name__ for one in await asyncio.gather(*asked, return_exceptions=True)]

    async def by_tag(self) -> list[Any]:
        tagged = workflow.all(Payment, tag="t")
        done = [await workflow.retry_tasks(tagged), await workflow.complete_timers(tagged)]
        return [[one.found, one.count, one.text] for one in done]

    async def refused(self) -> str:
        try:
            await workflow.retry_workflow_task(workflow.all(Payment, tag="t"))
        except RequestRefused as error:
            return f"{error.kind}: {error}"
        return ""

    async def impatient(self) -> str:
        try:
            async with asyncio.timeout(5):
                await workflow.describe(workflow.get("NoCode", id="x"))
        except TimeoutError:
            return "gave up"
        return ""

    async def forces(self) -> None:
        await workflow.cancel(workflow.get(Payment, id="p"), "enough", force=True)

    async def describes_many(self) -> None:
        await workflow.describe(workflow.all(Payment, tag="t"))

    async def forgets(self) -> None:
        _ = workflow.retry_tasks(workflow.get(Payment, id="p"))

    async def watches(self) -> None:
        await workflow.wait_for(lambda: workflow.describe(workflow.get(Payment, id="p")))


def declined(world: World) -> World:
    world.start("Payment", method="run")
    assert world["Payment", "p"].status == "failed"
    return world


def supervised(world: World, method: str, **arguments: Any) -> Driver:
    driver = world.start("Supervisor", "s", method=method, **arguments)
    assert replay(Supervisor, driver.store.journal).turns == len(driver.records)
    return driver


def sent(world: World, kind: type[Message]) -> list[Message]:
    """What the supervisor has sent of a kind."""
    envelopes = [post.envelope for post in world["Supervisor", "s"].posts]
    return [one.message for one in envelopes if isinstance(one, Envelope) and isinstance(one.message, kind)]


@pytest.mark.parametrize("evict", [False, True])
def test_a_workflow_retries_the_tasks_of_another_and_learns_what_was_done(evict: bool) -> None:
    asked: list[Task] = []

    def bank(task: Task) -> Any:
        asked.append(task)
        return ValueError("declined") if len(asked) == 1 else 5

    world = declined(World(Payment, Supervisor, tasks=bank, evict=evict))

    supervisor = supervised(world, "retries")

    assert supervisor.value == [True, 1, "retried 1 task(s) and resumed before turn 2", "running"]
    assert world["Payment", "p"].value == 5
    assert [(task.task_id, task.sequence) for task in asked] == [(asked[0].task_id, 0), (asked[0].task_id, 1)]


def test_the_choice_of_tasks_travels_with_the_verb() -> None:
    world = declined(World(Payment, Supervisor, tasks=lambda _: ValueError("declined")))
    run = world["Payment", "p"].run

    assert supervised(world, "chooses", task=f"{run}.7").value == 0
    (message,) = sent(world, RetryTasks)
    assert isinstance(message, RetryTasks)
    assert message.task_ids == (f"{run}.7",)


def test_a_workflow_completes_the_timers_of_another() -> None:
    world = World(Payment, Supervisor)
    world.start("Payment", method="naps")

    assert supervised(world, "wakes").value == 1
    assert world["Payment", "p"].value == "rested"


def test_only_the_timers_of_the_named_method_are_completed() -> None:
    world = World(Payment, Supervisor)
    world.start("Payment", method="naps")

    assert supervised(world, "wakes_method").value == 0


def test_a_workflow_resumes_another_that_failed_by_its_code() -> None:
    world = World(Payment, Supervisor)
    world.start("Payment", method="broken")

    assert supervised(world, "resumes").value == "resumed before turn 1"


def test_a_workflow_sees_what_describe_tells_a_client() -> None:
    world = declined(World(Payment, Supervisor, tasks=lambda _: ValueError("declined")))

    status, name, hint = supervised(world, "looks").value

    assert (status, name) == ("failed", "Bank.pay")
    assert "retry_tasks" in hint


def test_H07_verbs_for_an_unknown_id_raise() -> None:
    assert supervised(World(Payment, Supervisor), "unknown").value == [WorkflowUnknown.__name__] * 4


def fan_out(driver: Driver) -> TagFan:
    (post,) = driver.turns[-1].posts
    assert isinstance(post.envelope, Envelope)
    assert isinstance(post.envelope.message, TagFan)
    return post.envelope.message


def answer(driver: Driver, message: Fanned | Refused) -> None:
    """As the tag does."""
    fan = fan_out(driver)
    assert isinstance(fan.message, RetryTasks | RetryWorkflow | CompleteTimers)
    assert (fan.caller is not None, fan.message.caller) == (True, None)
    assert fan.caller is not None
    envelope = told(fan.caller, message, {}, "fan", driver.clock).envelope
    assert isinstance(envelope, Envelope)
    driver.turn(envelope)


def test_a_verb_by_tag_is_answered_by_the_tag_with_how_many_it_was_sent_to() -> None:
    driver = Driver(Supervisor)
    driver.start(method="by_tag")

    answer(driver, Fanned(3))
    answer(driver, Fanned(0))

    assert driver.value == [[True, 3, "sent to 3 instance(s)"], [False, 0, "sent to 0 instance(s)"]]
    assert replay(Supervisor, driver.store.journal).turns == len(driver.records)


def test_a_verb_that_cannot_be_served_raises_why() -> None:
    driver = Driver(Supervisor)
    driver.start(method="refused")

    answer(driver, Refused("busy", "too many wait"))

    assert driver.value == "busy: too many wait"


def test_waiting_for_an_answer_can_be_given_up() -> None:
    world = World(Payment, Supervisor)
    driver = world.start("Supervisor", "s", method="impatient")
    assert driver.status == "running"

    world.advance(driver, 5)

    assert driver.value == "gave up"


def test_cancel_takes_force() -> None:
    world = World(Payment, Supervisor)
    payment = world.start("Payment", method="naps")

    supervised(world, "forces")

    assert payment.status == "cancelled"
    (cancel,) = sent(world, Cancel)
    assert cancel == Cancel(reason="enough", force=True)


@pytest.mark.parametrize(
    ("method", "error", "text"),
    [
        ("describes_many", ArgumentMismatch, "this works for one instance only"),
        ("forgets", RuntimeError, "returned without having awaited its call of retry_tasks of Payment 'p'"),
        ("watches", MustOnlyRead, "it cannot call describe of Payment 'p'"),
    ],
)
def test_wrong_use_fails_the_method_with_a_text_that_says_what_to_do(
    method: str, error: type[Exception], text: str
) -> None:
    driver = World(Payment, Supervisor).start("Supervisor", "s", method=method)

    assert driver.status == "failed"
    assert error.__name__ in driver.state.reason
    assert text in driver.state.reason


def test_a_strict_replay_compares_what_a_verb_asks_for() -> None:
    @workflow.define(name="Supervisor", check="strict")
    class Other:
        async def wakes(self) -> int:
            return (await workflow.complete_timers(workflow.get("Payment", id="p"), "m")).count

    world = World(Payment, Supervisor)
    world.start("Payment", method="naps")
    journal = supervised(world, "wakes").store.journal

    mismatch = replay(Other, journal, check=False).mismatch

    assert "the journal has verb 'Payment.complete_timers' (number 1)" in mismatch
    assert "perhaps with other arguments" in mismatch
