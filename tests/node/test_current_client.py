"""The client that the tasks of a node share."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import leveret.sync
from leveret import Client, NotInTask, workflow
from leveret.client import current_client
from leveret_actors import Node


class Curious:
    def __init__(self) -> None:
        self.clients: list[Client] = []

    async def ask(self) -> None:
        self.clients.append(await current_client())

    async def block(self) -> None:
        leveret.sync.current_client()

    async def idle(self) -> str:
        return "needs no client"


@workflow.define
class Runs:
    async def run(self, tasks: list[str]) -> list[Any]:
        return await workflow.all_of([workflow.task(f"Curious.{task}") for task in tasks])


@workflow.define
class Wrong:
    async def run(self) -> None:
        await current_client()


async def test_outside_of_a_nodes_tasks_there_is_none() -> None:
    with pytest.raises(NotInTask):
        await current_client()
    with pytest.raises(NotInTask):
        await asyncio.to_thread(leveret.sync.current_client)


async def test_it_is_one_for_all_tasks_of_a_node_opened_when_first_asked_for_and_closed_with_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    curious, opened = Curious(), list[Client]()
    enter = Client.__aenter__

    async def noting(self: Client) -> Client:
        opened.append(self)
        return await enter(self)

    async with (
        Client("memory://shared") as outside,
        Node("memory://shared", workflows=[Runs], services=[curious]),
    ):
        monkeypatch.setattr(Client, "__aenter__", noting)
        await outside.new(Runs).run(["idle"])
        before = list(opened)
        await outside.new(Runs).run(["ask"] * 5)

    assert before == []
    assert len(opened) == 1
    assert set(curious.clients) == set(opened)
    assert opened[0]._post.requests._subscription is None


async def test_the_one_that_blocks_is_refused_in_async_functions_and_both_in_workflows() -> None:
    async with (
        Node("memory://refused", workflows=[Runs, Wrong], services=[Curious()]),
        Client("memory://refused") as client,
    ):
        with pytest.raises(leveret.WorkflowFailed, match=r"await leveret\.client\.current_client\(\)"):
            await client.new(Runs).run(["block"])
        with pytest.raises(leveret.WorkflowFailed, match="inside a running task"):
            await client.new(Wrong).run()
