"""The blocking client does what the asynchronous one does, with handles of its own."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from leveret import WorkflowCancelled, workflow
from leveret.sync import Client, Handle
from leveret_actors import Node


@workflow.define(name="Loyalty")
class Loyalty:
    closing = workflow.Channel[str]()

    def __init__(self) -> None:
        self.points = 0

    async def run(self) -> str:
        return await self.closing.receive()

    async def add(self, points: int) -> int:
        self.points += points
        return self.points

    @workflow.query
    def balance(self) -> int:
        return self.points


async def use(folder: Path, calls: Callable[[Client], None]) -> None:
    url = f"sqlite:///{folder}/blocking.db"

    def block() -> None:
        with Client(url) as client:
            calls(client)

    async with Node(url, workflows=[Loyalty]):
        await asyncio.to_thread(block)


async def test_W16_an_instance_is_reached_by_name(tmp_path: Path) -> None:
    def calls(client: Client) -> None:
        run = client.run(client.new("Loyalty", id="u1").dispatch("run"))
        user: Handle[object] = client.get("Loyalty", id="u1")

        assert user.call("add", {"points": 5}) == 5
        assert user.dispatch("add", {"points": 5}).result() == 10
        assert user.query("balance") == 10
        user.signal("closing", "bye")
        assert client.run(run.result()) == "bye"

    await use(tmp_path, calls)


async def test_its_verbs_take_its_handles_stubs_and_groups(tmp_path: Path) -> None:
    def calls(client: Client) -> None:
        handle = client.dispatch(client.new(Loyalty, id="u1", tags={"gold"}).run)
        stub = client.get(Loyalty, id="u1")

        for target in (handle, stub):
            assert client.describe(target).data["status"] == "running"
            assert client.retry_tasks(target).found
            assert client.cancel_task(target, f"{'0' * 32}.1").count == 0
            assert len(list(client.history(target))) == 1
        assert handle.cancel_task(f"{'0' * 32}.1").count == 0
        assert client.complete_timers(client.all(Loyalty, tag="gold")).found
        client.cancel(handle, "moved")
        for target in (handle, stub):
            with pytest.raises(WorkflowCancelled, match="moved"):
                client.result(target)

    await use(tmp_path, calls)
