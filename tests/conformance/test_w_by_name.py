"""W · by name: the interpreter of the examples calls tasks, workflows and methods that it has no contract of."""

from __future__ import annotations

import json
from typing import Any

import pytest

from examples.interpreter.clerk import Clerk
from examples.interpreter.demo import PROGRAM
from examples.interpreter.language import Interpreter
from leveret import WorkflowFailed, workflow
from tests.conformance.house import DEADLINE, House


@workflow.define
class Account:
    closing = workflow.Channel[str]()

    def __init__(self) -> None:
        self.balance = 0

    async def open(self) -> int:
        await self.closing.receive()
        return self.balance

    async def deposit(self, amount: int) -> int:
        self.balance += amount
        return self.balance


async def test_W16_an_interpreter_runs_a_program_of_tasks_timers_signals_and_children(house: House) -> None:
    await house.open(Interpreter, services=(Clerk(),))

    handle = await house.client.new("Interpreter", id="p").dispatch("run", {"program": json.loads(PROGRAM)})
    house.remember(Interpreter, handle)
    for name, value in (("noise", 1), ("answer", "yes")):
        await house.client.get("Interpreter", id="p").signal("signals", {"name": name, "value": value})

    assert await handle.result(DEADLINE) == ["hello ann", 3, 42]


async def test_W16_methods_are_called_by_name_from_a_client_and_from_a_workflow(house: House) -> None:
    await house.open(Interpreter, Account)
    account = house.remember(Account, await house.client.new("Account", id="a").dispatch("open"))
    await house.waiting(account, "receive")
    deposit = {"call": "Account.deposit", "id": "a", "with": {"amount": {"$": "amount"}}}
    program: dict[str, Any] = {"sequence": [{"value": 5, "as": "amount"}, deposit]}

    from_client = await house.client.get("Account", id="a").call("deposit", {"amount": 2})
    from_workflow = await house.call(Interpreter, program)
    await house.client.get("Account", id="a").signal("closing", "bye")

    assert (from_client, from_workflow, await account.result(DEADLINE)) == (2, 7, 7)


async def test_W16_a_step_that_the_language_does_not_have_fails_the_program_clearly(house: House) -> None:
    await house.open(Interpreter)

    with pytest.raises(WorkflowFailed, match="no step of the language"):
        await house.call(Interpreter, {"jump": 3})
