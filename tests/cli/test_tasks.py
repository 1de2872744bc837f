"""`tasks list`, `show`, `complete` and `fail`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from leveret import service, workflow
from leveret_actors.node import Node
from tests.cli.conftest import leveret_beside

URL = ("--url", "sqlite:///tasks.db")


class Signing:
    """Hands contracts over, and waits for ink."""

    @service.task(delegated=True)
    async def sign(self, page: int) -> Any:
        service.context().heartbeat({"page": page})


@workflow.define(name="Contract")
class Contract:
    async def run(self, page: int) -> str:
        task = workflow.task("Signing.sign", {"page": page}, tags=[f"page:{page}"])
        return str(await task)


@asynccontextmanager
async def open_contract() -> AsyncGenerator[str]:
    """Host a contract that waits to be signed; gives the id of its task."""
    async with Node("sqlite:///tasks.db", workflows=[Contract], services=[Signing()]):
        await leveret_beside("start", "Contract", "--args", '{"page": 3}', "--id", "c1", *URL)
        async with asyncio.timeout(30):
            while not (rows := (await leveret_beside("tasks", "list", "--status", "delegated", "--json", *URL)).json):
                pass
        yield rows[0]["task"]


async def test_delegated_tasks_are_listed_shown_and_completed() -> None:
    async with open_contract() as task:
        table = await leveret_beside("tasks", "list", "--service", "Signing", *URL)
        none = await leveret_beside("tasks", "list", "--service", "Other", *URL)
        shown = (await leveret_beside("tasks", "show", task, "--json", *URL)).json
        done = await leveret_beside("tasks", "complete", "Signing", task, "--result", '"signed"', *URL)
        again = await leveret_beside("tasks", "complete", "Signing", task, "--json", *URL)
        result = await leveret_beside("start", "Contract", "--id", "c1", "--args", '{"page": 3}', "--wait", *URL)

    assert "Signing.sign" in table.out
    assert "no tasks" in none.out
    assert (shown["progress"], shown["arguments"], shown["instance"]) == ({"page": 3}, {"page": 3}, "c1")
    assert (done.code, done.out.strip()) == (0, f"task {task} is completed")
    assert (again.code, again.json["text"]) == (1, f"task {task} is completed already")
    assert result.json == "signed"


async def test_delegated_tasks_are_failed_with_a_reason() -> None:
    async with open_contract() as task:
        done = await leveret_beside("tasks", "fail", "Signing", task, "--error", "lost the pen", *URL)
        described = await leveret_beside("describe", "Contract", "c1", "--json", *URL)

    assert done.out.strip() == f"task {task} is failed"
    assert "lost the pen" in described.out


async def test_tasks_are_completed_cancelled_and_retried_by_tag() -> None:
    async with open_contract() as task:
        nobody = await leveret_beside("tasks", "retry", "Signing", "--tag", "page:4", *URL)
        neither = await leveret_beside("tasks", "complete", "Signing", *URL)
        cancelled = await leveret_beside("tasks", "cancel", "Signing", "--tag", "page:3", "--reason", "torn", *URL)
        async with asyncio.timeout(30):
            while (await leveret_beside("tasks", "show", task, "--json", *URL)).json["status"] != "cancelled":
                pass
        retried = await leveret_beside("tasks", "retry", "Signing", "--tag", "page:3", "--json", *URL)
        async with asyncio.timeout(30):
            while (await leveret_beside("tasks", "show", task, "--json", *URL)).json["status"] != "delegated":
                pass
        done = await leveret_beside("tasks", "complete", "Signing", "--tag", "page:3", "--result", '"ok"', *URL)
        result = await leveret_beside("start", "Contract", "--id", "c1", "--args", '{"page": 3}', "--wait", *URL)

    assert (nobody.code, neither.code) == (1, 1)
    assert "--tag" in neither.err
    assert (cancelled.out.strip(), retried.json["count"], done.code) == ("sent to 1 task(s)", 1, 0)
    assert result.json == "ok"


async def test_what_is_not_there_and_what_is_no_json_is_said() -> None:
    async with open_contract() as task:
        unknown = await leveret_beside("tasks", "show", "nobody", *URL)
        garbled = await leveret_beside("tasks", "complete", "Signing", task, "--result", "{", *URL)

    assert (unknown.code, garbled.code) == (1, 1)
    assert "no task nobody has a lease" in unknown.err
    assert "is not JSON" in garbled.err
