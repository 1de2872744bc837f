"""Called methods that failed are resumed by a rewind, unless that would take back what others have done since."""

from __future__ import annotations

from typing import Any, Protocol

import pytest

from leveret import workflow
from leveret.errors import TaskFailed
from leveret_actors.testing import replay
from leveret_broker.envelope import (
    AwaitResult,
    Call,
    ClientCaller,
    Describe,
    Description,
    Done,
    Ended,
    RetryTasks,
    RetryWorkflow,
)
from leveret_broker.outcome import Completed, Failed, Failure
from tests.workflow.harness import CODEC, Driver, replies

ME = ClientCaller("client", "verb")


class Bank(Protocol):
    async def pay(self, amount: int) -> int: ...
    async def refund(self, amount: int) -> int: ...


@workflow.define(name="W")
class Account:
    bank = workflow.service(Bank)
    go = workflow.Channel[int]()

    def __init__(self) -> None:
        self.paid = 0

    async def run(self) -> int:
        await self.go.receive()
        return self.paid

    async def works(self) -> int:
        await self.bank.pay(1)
        while True:
            await self.add(await self.go.receive())

    async def pay(self, amount: int) -> int:
        return await self.add(await self.bank.pay(amount))

    async def careful(self) -> int:
        try:
            return await self.bank.pay(1)
        except TaskFailed as error:
            workflow.dispatch(self.bank.refund, 1)
            await workflow.timer(10)
            raise ValueError("no luck") from error

    async def add(self, amount: int) -> int:
        self.paid += amount
        return self.paid

    async def handles(self) -> str:
        try:
            await self.bank.pay(1)
        except TaskFailed:
            await self.go.receive()
        return ""

    async def buggy(self) -> str:
        await workflow.timer(5)
        return self.outcome()

    def outcome(self) -> str:
        raise ValueError("a bug")


@workflow.define(name="W")
class Mended(Account):
    def outcome(self) -> str:
        return "mended"


class Desk:
    """An instance with its main method waiting, and what one asks of it."""

    def __init__(self, method: str = "run", *, evict: bool = False) -> None:
        self.driver = Driver(Account, evict=evict)
        self.driver.start(method=method, caller=None)

    def call(self, method: str, **arguments: Any) -> str:
        call = Call(method, CODEC.dump(arguments), ClientCaller("client", method))
        envelope = self.driver.envelope(call, message_id=f"call {method}{arguments}")
        self.driver.turn(envelope)
        return envelope.id

    def fail(self, number: int) -> None:
        where = {"task_id": f"{self.driver.run}.{number}"}
        self.driver.end(number, Failed(Failure("shop.Declined", "no money", where=where)))

    def complete(self, number: int, value: int, sequence: int = 1) -> None:
        ended = Ended(number, Completed(CODEC.dump(value)), sequence=sequence)
        message_id = f"{self.driver.run}.{number}.again.{sequence}"
        self.driver.turn(self.driver.envelope(ended, message_id=message_id, run=self.driver.run))

    def ask(self, message: RetryTasks | RetryWorkflow) -> Done:
        (done,) = [one for one in replies(self.driver.send(message).posts) if isinstance(one, Done)]
        return done

    def retry(self, **options: Any) -> Done:
        return self.ask(RetryTasks(caller=ME, **options))

    def methods(self) -> list[tuple[str, str]]:
        (found,) = [one for one in replies(self.driver.send(Describe(ME)).posts) if isinstance(one, Description)]
        methods: Any = found.data["methods"]
        return [(method["name"], method["status"]) for method in methods]

    @property
    def told(self) -> list[Any]:
        """What callers were told: values, and types of failures."""
        return [
            CODEC.load(one.value) if isinstance(one, Completed) else one.failure.type
            for one in self.driver.answers
            if isinstance(one, Completed | Failed)
        ]

    def replays(self) -> bool:
        return replay(Account, self.driver.store.journal).turns > 0


@pytest.mark.parametrize("evict", [False, True])
def test_E06_a_called_method_that_failed_by_its_task_is_resumed_by_the_tasks_retry(evict: bool) -> None:
    desk = Desk(evict=evict)
    call = desk.call("pay", amount=5)
    desk.fail(2)
    assert desk.told == ["leveret.errors.TaskFailed"]
    assert desk.methods() == [("run", "running"), ("pay", "failed")]

    done = desk.retry()
    assert (done.count, done.status) == (1, "running")
    assert done.text.startswith("retried 1 task(s) and resumed method pay (")
    assert desk.methods() == [("run", "running"), ("pay", "running")]
    identity = done.text.partition("(s) and resumed method pay (")[2].partition(")")[0]
    desk.driver.send(AwaitResult(ClientCaller("client", "later"), identity))
    desk.complete(2, 5)

    assert [(task.name, task.sequence) for task in desk.driver.tasks] == [("pay", 0), ("pay", 1)]
    assert desk.told == ["leveret.errors.TaskFailed", 5]
    assert desk.replays()
    desk.driver.turn(desk.driver.envelope(Call("pay", CODEC.dump({"amount": 5}), ME), message_id=call))
    assert desk.told[-1] == 5


def test_E06_what_came_meanwhile_counts_and_the_other_methods_go_on() -> None:
    desk = Desk("works")
    desk.driver.end(1, 1)
    desk.call("pay", amount=5)
    desk.fail(3)
    done = desk.retry()
    assert done.count == 1

    desk.driver.signal("go", 10)
    desk.complete(3, 5)

    assert desk.told == ["leveret.errors.TaskFailed"]
    assert desk.replays()
    desk.call("add", amount=0)
    assert desk.told[-1] == 15


def test_E06_commands_that_the_method_issued_after_its_failure_are_void() -> None:
    desk = Desk()
    desk.call("careful")
    desk.fail(2)
    desk.driver.advance(10)
    assert desk.told == ["ValueError"]

    done = desk.retry(task_ids=(f"{desk.driver.run}.2",))

    assert (done.count, done.status) == (1, "running")
    assert desk.driver.revoked == [f"{desk.driver.run}.3"]
    desk.complete(2, 7)
    assert desk.methods() == [("run", "running")]
    assert desk.replays()


@pytest.mark.parametrize("what", ["ended", "asked", "main"])
def test_E06_a_method_is_not_resumed_once_others_have_gone_on_and_the_answer_says_what_to_do(what: str) -> None:
    desk = Desk("works" if what == "main" else "run")
    desk.call("pay", amount=5)
    desk.fail(2)
    if what == "ended":
        desk.call("add", amount=3)
    elif what == "asked":
        desk.call("handles")
    else:
        desk.driver.end(1, 1)
    before = len(desk.driver.tasks)

    done = desk.retry(task_ids=(f"{desk.driver.run}.2",))

    assert (done.count, done.status) == (0, "running")
    assert "method pay (" in done.text
    assert (
        "cannot be resumed: others have gone on in turn 4, which a rewind would take back; call it again" in done.text
    )
    assert len(desk.driver.tasks) == before
    assert desk.methods()[-1] == ("pay", "failed")
    assert desk.replays()


def test_E16_a_task_whose_failure_was_handled_is_retried_beside_a_method_that_cannot_be_resumed() -> None:
    desk = Desk()
    desk.call("pay", amount=5)
    desk.fail(2)
    desk.call("handles")
    desk.fail(3)

    done = desk.retry()

    assert done.count == 1
    assert done.text.startswith("retried 1 task(s); method pay (")
    assert [(task.task_id[-2:], task.sequence) for task in desk.driver.tasks] == [(".2", 0), (".3", 0), (".3", 1)]
    assert desk.replays()


def test_E06_of_several_methods_that_failed_the_last_ones_are_resumed_as_far_as_nothing_is_taken_back() -> None:
    desk = Desk()
    desk.call("pay", amount=1)
    desk.fail(2)
    desk.call("add", amount=3)
    desk.call("pay", amount=2)
    desk.call("pay", amount=3)
    desk.fail(3)
    desk.fail(4)

    done = desk.retry()

    assert done.count == 2
    assert done.text.count("resumed method pay") == 1
    assert done.text.count("method pay (") == 3
    assert "cannot be resumed: others have gone on in turn 4" in done.text
    desk.complete(3, 20)
    desk.complete(4, 300)
    assert desk.replays()
    desk.call("add", amount=0)
    assert desk.told[-1] == 323


@pytest.mark.parametrize("evict", [False, True])
def test_E07_a_called_method_that_failed_by_its_code_is_resumed_once_that_is_mended(evict: bool) -> None:
    desk = Desk(evict=evict)
    desk.call("buggy")
    desk.driver.advance(5)
    assert desk.methods() == [("run", "running"), ("buggy", "failed")]

    desk.driver.deploy(Mended)
    done = desk.ask(RetryWorkflow(ME))

    assert (done.count, done.status) == (1, "running")
    assert desk.methods() == [("run", "running")]
    assert replay(Mended, desk.driver.store.journal).turns > 0


def test_E07_retry_workflow_task_says_that_no_method_has_failed() -> None:
    done = Desk().ask(RetryWorkflow(ME))

    assert (done.count, done.text) == (0, "nothing to retry: the instance is running, and no method of it has failed")


def test_E07_retry_workflow_task_says_why_a_method_cannot_be_resumed() -> None:
    desk = Desk()
    desk.call("pay", amount=5)
    desk.fail(2)
    desk.call("add", amount=1)

    done = desk.ask(RetryWorkflow(ME))

    assert done.count == 0
    assert "others have gone on in turn 4" in done.text


def test_a_second_delivery_of_the_retry_does_nothing() -> None:
    desk = Desk()
    desk.call("pay", amount=5)
    desk.fail(2)
    envelope = desk.driver.envelope(RetryTasks(caller=ME), message_id="retry")
    desk.driver.turn(envelope)

    desk.driver.turn(envelope)

    assert [(task.name, task.sequence) for task in desk.driver.tasks] == [("pay", 0), ("pay", 1)]
