"""Signals for who is not there yet: held, in order, until somebody is, or time is up."""

from __future__ import annotations

import secrets
from pathlib import Path

import pytest

from leveret import Client, workflow
from leveret.url import Url
from leveret_actors import DeadLetters, Node
from leveret_actors.backends import backends
from leveret_actors.ingress import Command, Contracts, Sender, Whom
from leveret_actors.mailbox.directory import Directory
from leveret_actors.store.contract import Store
from leveret_broker.codec import Codec
from tests.bridge.foreign import Shop
from tests.bridge.holding import nobody_took
from tests.bridge.shop import Order
from tests.bridge.test_bridges import buried, paid, serving
from tests.endtoend.house import until


async def test_signals_for_a_tag_that_nobody_carries_are_held_in_order_until_somebody_does(
    url: str, shop: Shop, client: Client, store: Store
) -> None:
    async with serving(url, shop, paid(shop, on_no_match="hold", hold_seconds=60.0)):
        for number in range(20):
            await shop.publish("order.paid", {"order_id": 7, "n": number}, message_id=f"m{number}")
        await shop.publish("order.paid", {"order_id": 8, "n": "of another"})
        await shop.publish("order.paid", {"order_id": 7, "n": "again"}, message_id="m3")
        await shop.publish("order.paid", {"order_id": 7, "last": True})
        await until(lambda: nobody_took(store, 22), "the signals are held")
        handle = await client.dispatch(client.new(Order, tags={"orderId:7"}).run)
        seen = await handle.result(timeout=30)

    assert seen == [None, *({"order_id": 7, "n": number} for number in range(20)), {"order_id": 7, "last": True}]


async def test_signals_for_an_id_that_is_not_there_are_held_until_it_is(
    url: str, shop: Shop, client: Client, store: Store
) -> None:
    bridge = paid(shop, tag="", id="order-{$.order_id}", on_no_match="hold", hold_seconds=60.0)
    async with serving(url, shop, bridge):
        for number in range(5):
            await shop.publish("order.paid", {"order_id": 7, "n": number}, message_id=f"m{number}")
        await shop.publish("order.paid", {"order_id": 7, "last": True})
        await until(lambda: nobody_took(store, 6), "the signals are held")
        handle = await client.dispatch(client.new(Order, id="order-7").run)
        seen = await handle.result(timeout=30)

    assert [one.get("n") for one in seen[1:]] == [0, 1, 2, 3, 4, None]


async def test_what_nobody_takes_in_time_is_a_dead_letter_that_can_be_replayed(
    url: str, shop: Shop, client: Client
) -> None:
    async with serving(url, shop, paid(shop, on_no_match="hold", hold_seconds=0.2)):
        await shop.publish("order.paid", {"order_id": 7, "last": True})
        [letter] = await buried(url, 1)
        handle = await client.dispatch(client.new(Order, tags={"orderId:7"}).run)
        async with DeadLetters(url) as letters:
            resent = [one async for one in letters.replay(letter.id)]
        seen = await handle.result(timeout=30)

    assert "nobody was there to take it" in letter.reason
    assert letter.what == "signal paid held for @tag 'Order/orderId:7'"
    assert [one.sent for one in resent] == [True]
    assert seen == [None, {"order_id": 7, "last": True}]


@pytest.mark.parametrize("whom", [Whom(id="o1"), Whom(tag="a")], ids=["id", "tag"])
@pytest.mark.parametrize("scheme", ["memory", "sqlite"])
async def test_without_servers_signals_are_held_as_well(scheme: str, whom: Whom, tmp_path: Path) -> None:
    place = tmp_path / "house.db" if scheme == "sqlite" else secrets.token_hex(4)
    url = f"{scheme}://{'/' if scheme == 'sqlite' else ''}{place}"
    transport, store = backends(Url.parse(url))
    contracts = Contracts({"Order": {1: workflow.definition_of(Order)}}, Codec())
    async with Node(url, workflows=[Order]), Client(url) as client:
        await store.open()
        await transport.open()
        sender = Sender(transport, store, Directory(transport, store, 8), contracts)

        for key, value in (("a", {"n": 1}), ("b", {"n": 2}), ("a", {"n": 1}), ("c", {"last": True})):
            signal = Command(verb="signal", name="Order", member="paid", key=key, whom=whom, value=value, hold=60.0)
            await sender.send([signal])
        await until(lambda: nobody_took(store, 3), "the signals are held")
        handle = await client.dispatch(client.new(Order, id="o1", tags={"a"}).run)
        seen = await handle.result(timeout=30)
        await transport.close()
        await store.close()

    assert seen == [None, {"n": 1}, {"n": 2}, {"last": True}]
