"""What `describe` tells."""

from __future__ import annotations

from typing import Any, Protocol

from leveret import workflow
from leveret_broker.envelope import ClientCaller, Describe, Description
from leveret_broker.outcome import Failed, Failure
from tests.workflow.harness import Driver, replies


class Bank(Protocol):
    async def pay(self, amount: int = 0) -> int: ...


@workflow.define(name="W", version=3)
class Account:
    bank = workflow.service(Bank, timeout=60)
    go = workflow.Channel[int]()

    def __init__(self) -> None:
        self.points = 1
        self.large = "x" * 10_000
        self.huge = b"x" * 2 * 1024 * 1024
        self.odd = object()
        self._secret = 5

    async def run(self) -> int:
        self.points = 7
        paying = workflow.dispatch(self.bank.pay, 1)
        await self.go.receive()
        return await paying

    async def odd_end(self) -> None:
        await self.go.receive()
        raise ValueError("odd")


def described(driver: Driver) -> dict[str, Any]:
    (answer,) = replies(driver.send(Describe(ClientCaller("client", "d"))).posts)
    assert isinstance(answer, Description)
    return answer.data


def test_properties_are_the_public_attributes_that_can_be_encoded() -> None:
    driver = Driver(Account)
    driver.start()

    assert described(driver)["properties"] == {"points": 7, "large": "(10004 bytes)", "huge": "(2097158 bytes)"}


@workflow.define(name="W", version=3)
class Slotted:
    __slots__ = ("points",)

    def __init__(self) -> None:
        self.points = 1

    async def run(self) -> None:
        await workflow.timer(days=1)


def test_an_object_without_attributes_of_its_own_has_no_properties() -> None:
    driver = Driver(Slotted)
    driver.start()

    assert described(driver)["properties"] == {}


def test_a_pending_command_tells_since_when_and_under_which_task_id() -> None:
    driver = Driver(Account)
    driver.start()
    row = described(driver)

    task, receive = row["pending"]

    assert task == {
        "number": 1,
        "kind": "task",
        "name": "Bank.pay",
        "status": "ongoing",
        "since": driver.clock,
        "task_id": f"{driver.run}.1",
        "sequence": 0,
        "due": driver.clock + 60,
        "instance": "",
        "method": "main",
    }
    assert receive["kind"] == "receive"
    assert row["versions"] == [3]


def test_a_failure_is_told_with_its_causes_and_the_verb_that_helps() -> None:
    driver = Driver(Account)
    driver.start()
    where = {"task_id": f"{driver.run}.1"}
    driver.end(1, Failed(Failure("Declined", "no money", where=where)))
    running = described(driver)
    driver.signal("go", 1)

    row = described(driver)

    assert [one["name"] for one in running["retryable"]] == ["Bank.pay"]
    assert running["hint"] == ""
    assert [cause["type"] for cause in row["failure"]] == ["leveret.errors.TaskFailed", "Declined"]
    assert row["hint"] == f"mend service Bank, then retry_tasks ({driver.run}.1)"
    assert [(one["status"], one["failure"]) for one in row["retryable"]] == [("failed", "Declined: no money")]


def test_a_failure_of_the_code_names_its_verb() -> None:
    driver = Driver(Account)
    driver.start(method="odd_end")
    driver.signal("go", 1)

    assert described(driver)["hint"].endswith("then retry_workflow_task")


def test_a_start_whose_arguments_do_not_fit_is_told_to_be_made_anew() -> None:
    driver = Driver(Account)
    driver.start(wrong=1)

    assert described(driver)["hint"].startswith("start it under another id, with arguments that fit")


def test_what_is_blocked_still_tells_what_is_open_and_what_helps() -> None:
    driver = Driver(Account)
    driver.start()
    driver.deploy()
    driver.signal("go", 1)

    row = described(driver)

    assert row["status"] == "blocked"
    assert [one["name"] for one in row["pending"]] == ["Bank.pay"]
    assert "a node whose code fits" in row["hint"]
