"""Listeners of a node."""

from __future__ import annotations

from leveret import Client, events, workflow
from leveret_actors import Node


@workflow.define
class Quick:
    async def run(self, word: str) -> str:
        return word


async def test_a_listener_that_raises_disturbs_neither_the_instance_nor_the_others() -> None:
    heard: list[events.Event] = []

    def broken(event: events.Event) -> None:
        raise RuntimeError(event.name)

    async with (
        Node("memory://broken-listener", workflows=[Quick], listeners=[broken, heard.append]),
        Client("memory://broken-listener") as client,
    ):
        result = await client.new(Quick, id="q").run("a")

    assert result == "a"
    assert [event.name for event in heard] == ["workflowStarted", "methodCompleted", "workflowCompleted"]
    assert {event.id for event in heard} == {"q"}
