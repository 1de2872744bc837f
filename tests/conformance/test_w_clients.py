"""W, C, P · what a client adds to its requests by interceptors, and how it sends them once."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import leveret.sync
from leveret import Client, interceptors, workflow
from leveret.interceptors import ClientInterceptor
from tests.conformance.house import DEADLINE, House


@workflow.define
class Purse:
    leave = workflow.Channel[str]()

    def __init__(self) -> None:
        self.coins: list[int] = []

    async def run(self) -> list[Any]:
        words = [await self.leave.receive(), await self.leave.receive()]
        return [sum(self.coins), *words, workflow.info().meta.get("trace")]

    async def add(self, coins: int) -> int:
        self.coins.append(coins)
        return len(self.coins)

    @workflow.query
    def count(self) -> int:
        return len(self.coins)


class Tracing(ClientInterceptor):
    """Adds a tag and a trace id to each start, and counts what goes out."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    async def start(self, details: interceptors.StartRequest, /) -> Any:
        self.seen.append("start")
        plan = details.call.plan
        plan = replace(plan, tags=(*plan.tags, "traced"), meta={**plan.meta, "trace": "t1"})
        return await details.proceed(replace(details.call, plan=plan))

    async def send_signal(self, details: interceptors.SignalRequest, /) -> Any:
        self.seen.append(f"signal by {'tag' if details.call.target.tag else 'id'}")
        return await details.proceed()

    async def ask_query(self, details: interceptors.QueryRequest, /) -> Any:
        return -await details.proceed()


async def test_W15_T01_tags_and_meta_that_a_client_adds_to_every_start_are_the_instances(house: House) -> None:
    await house.open(Purse)
    around = Tracing()
    async with Client(house.url, interceptors=[around]) as client:
        house.remember(Purse, house.client.get("Purse", id="p"))
        handle = await client.dispatch(client.new(Purse, id="p").run)
        await client.get(Purse, id="p").add(7)
        assert await client.get(Purse, id="p").count() == -1
        for word in ("a", "b"):
            await client.all(Purse, tag="traced").leave.send(word)
        assert await handle.result(DEADLINE) == [7, "a", "b", "t1"]
        assert (await client.describe(client.get(Purse, id="p"))).data["tags"] == ["traced"]

    assert around.seen == ["start", "signal by tag", "signal by tag"]


async def test_W15_the_interceptors_of_a_blocking_client_run_as_well(house: House) -> None:
    await house.open(Purse)
    handle = await house.start(Purse, id="p", tags={"p"})

    def block() -> int:
        with leveret.sync.Client(house.url, interceptors=[Tracing()]) as client:
            client.run(client.get(Purse, id="p", message_id="k").add(3))
            client.run(client.get(Purse, id="p", message_id="k").add(3))
            for word in ("a", "b"):
                client.run(client.all(Purse, tag="p", message_id=f"signal {word}").leave.send(word))
            return client.run(client.get(Purse, id="p").count())

    assert await asyncio.to_thread(block) == -1
    assert await handle.result(DEADLINE) == [3, "a", "b", None]


async def test_W18_C13_a_start_a_call_and_a_signal_sent_again_under_their_keys_count_once(house: House) -> None:
    await house.open(Purse)
    for _ in range(2):
        house.remember(Purse, await house.client.dispatch(house.client.new(Purse, message_id="start").run))
    handle = house.remember(Purse, await house.client.dispatch(house.client.new(Purse, message_id="start").run))

    counts: list[int] = []
    for _ in range(2):
        counts.append(await house.client.get(Purse, id=handle.id, message_id="call").add(5))
        await house.client.get(Purse, id=handle.id, message_id="signal").leave.send("a")
        await house.restart()
    await house.client.get(Purse, id=handle.id).leave.send("b")

    assert counts == [1, 1]
    assert await handle.result(DEADLINE) == [5, "a", "b", None]
    assert await house.client.get(Purse, id=handle.id, message_id="call").add(5) == 1


async def test_W18_a_call_by_tag_sent_again_under_its_key_runs_once_on_each(house: House) -> None:
    await house.open(Purse)
    purses = [await house.start(Purse, tags={"all"}) for _ in range(2)]

    for _ in range(2):
        await house.client.dispatch(house.client.all(Purse, tag="all", message_id="k").add, 5)
    for word in ("a", "b"):
        await house.client.all(Purse, tag="all").leave.send(word)

    assert [await purse.result(DEADLINE) for purse in purses] == [[5, "a", "b", None]] * 2
