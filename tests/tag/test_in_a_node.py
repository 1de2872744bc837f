"""Tags behind the mailbox loop of a real node."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import pytest

from leveret import workflow
from leveret.client import Client
from leveret.errors import WorkflowAlreadyStarted
from leveret_actors.node import Node


@workflow.define(name="Waits")
class Waits:
    inlet = workflow.Channel[int]()

    async def run(self) -> int:
        return await self.inlet.receive()


@pytest.fixture
async def client(namespace: str) -> AsyncGenerator[Client]:
    url = f"memory://{namespace}"
    async with Node(url, workflows=[Waits]), Client(url) as client:
        yield client


async def test_T02_a_signal_by_tag_reaches_more_members_than_a_page_holds(client: Client) -> None:
    handles = [await client.dispatch(client.new(Waits, tags={"all"}).run) for _ in range(1100)]

    await client.all(Waits, tag="all").inlet.send(7)

    assert set(await asyncio.gather(*(handle.result(30) for handle in handles))) == {7}


async def test_W08_many_claims_at_once_make_one_instance(client: Client) -> None:
    handles = await asyncio.gather(
        *(client.dispatch(client.new(Waits, unique_tag="u").run) for _ in range(50)),
    )
    await asyncio.gather(*(handle.started(30) for handle in handles))

    assert len({handle.id for handle in handles}) == 1


async def test_T06_a_unique_tag_is_free_once_its_instance_ended(client: Client) -> None:
    first = await client.dispatch(client.new(Waits, unique_tag="u", id="a").run)
    await first.started(30)
    with pytest.raises(WorkflowAlreadyStarted):
        await client.dispatch(client.new(Waits, unique_tag="u", id="b", on_conflict="fail").run)

    await client.all(Waits, tag="u").inlet.send(1)
    assert await first.result(30) == 1
    while [member async for member in client.members(client.all(Waits, tag="u"))]:
        pass  # the leave is on its way

    second = await client.dispatch(client.new(Waits, unique_tag="u", id="b", on_conflict="fail").run)
    assert second.id == "b"
