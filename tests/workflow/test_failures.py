"""E: failures of tasks and of the code itself."""

from typing import Any

import pytest

from leveret import service, workflow
from leveret.errors import TaskFailed
from leveret_broker.envelope import AwaitResult, ClientCaller
from leveret_broker.outcome import Cancelled, Failed, Failure
from tests.workflow.harness import CODEC, Driver


class Odd(Exception):
    def __init__(self, code: int) -> None:
        super().__init__(f"odd {code}")
        self.code = code


class Unreadable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")


@service.define(name="Bank")
class Bank:
    async def pay(self, n: int) -> int:
        return n


@workflow.define(name="Fragile")
class Fragile:
    bank = workflow.service(Bank)
    go = workflow.Channel[int]()
    paid = 0

    async def pay(self) -> int:
        return await self.bank.pay(1)

    async def careful(self) -> list[Any]:
        self.paid = 1
        try:
            await self.bank.pay(1)
        except TaskFailed as error:
            self.paid += 1
            return [error.failure.type, error.failure.message, error.where["worker"], self.paid]
        return []

    async def ignorant(self) -> int:
        workflow.dispatch(self.bank.pay, 1)
        return await self.go.receive()

    async def odd(self) -> None:
        await self.go.receive()
        raise Odd(7)

    async def unreadable(self) -> None:
        raise Unreadable

    async def exits(self) -> None:
        raise SystemExit(3)

    async def liar(self) -> int:
        return "text"  # type: ignore[return-value]

    async def unencodable(self) -> Any:
        return object()


def failure(**where: str) -> Failed:
    return Failed(Failure("shop.Declined", "no money", "Traceback ...", CODEC.dump({"code": 5}), None, dict(where)))


def run(method: str) -> Driver:
    driver = Driver(Fragile)
    driver.start(method=method)
    return driver


def test_E01_an_uncaught_task_failure_fails_the_instance_with_its_cause() -> None:
    driver = run("pay")

    driver.end(1, failure(service="Bank", task="pay", worker="w1"))

    (outcome,) = driver.answers
    assert isinstance(outcome, Failed)
    assert outcome.failure.type == "leveret.errors.TaskFailed"
    assert outcome.failure.where["instance"] == "i"
    assert outcome.failure.cause == failure(service="Bank", task="pay", worker="w1").failure


def test_E02_a_caught_task_failure_lets_the_workflow_go_on() -> None:
    driver = run("careful")

    driver.end(1, failure(worker="w1"))

    assert driver.value == ["shop.Declined", "no money", "w1", 2]


def test_E03_a_failure_that_nobody_awaits_has_no_effect() -> None:
    driver = run("ignorant")

    driver.end(1, failure())
    driver.signal("go", 4)

    assert driver.value == 4


def test_a_result_of_another_type_fails_the_awaiting_code() -> None:
    driver = run("pay")

    driver.end(1, "no number")

    assert driver.status == "failed"
    assert "DecodeError" in driver.state.reason


def test_E05_a_plain_exception_fails_the_instance_which_is_kept() -> None:
    driver = run("odd")

    driver.signal("go", 1)

    assert driver.status == "failed"
    (outcome,) = driver.answers
    assert isinstance(outcome, Failed)
    assert CODEC.load(outcome.failure.attributes or b"") == {"code": 7}
    assert "test_failures.py" in outcome.failure.traceback
    last = driver.turns[-1]
    assert last.live is None
    assert last.write is not None
    assert not last.write.closed
    assert last.write.expires == driver.clock + 30 * 86_400


def test_a_failed_instance_keeps_what_comes_and_answers_who_asks() -> None:
    driver = run("odd")
    driver.signal("go", 1)

    turn = driver.signal("go", 2)
    driver.send(AwaitResult(ClientCaller("c", "r")))

    assert turn.write is not None
    assert not driver.records[-1].ran
    assert len(driver.answers) == 2
    assert driver.status == "failed"


def test_a_failed_instance_can_be_cancelled() -> None:
    driver = run("odd")
    driver.signal("go", 1)

    driver.cancel(reason="enough")

    assert driver.status == "cancelled"
    assert isinstance(driver.state.outcome, Cancelled)


@pytest.mark.parametrize("method", ["unreadable", "exits", "liar", "unencodable"])
def test_E10_whatever_ends_the_method_is_reported(method: str) -> None:
    driver = run(method)

    assert driver.status == "failed"
    assert driver.state.reason
    assert isinstance(driver.answers[0], Failed)
