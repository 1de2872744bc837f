"""Bridges at work: what a foreign application publishes starts, signals, calls and cancels."""

from __future__ import annotations

import functools
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from leveret import Client
from leveret.errors import WorkflowCancelled, WorkflowUnknown
from leveret.events import SignalDiscarded
from leveret_actors import Bridge, DeadLetters, Node
from leveret_actors.dead_letters import Letter
from leveret_broker.errors import ConfigurationError
from tests.bridge.foreign import Shop
from tests.bridge.shop import Order
from tests.egress.harness import Ear
from tests.endtoend.house import until

EVENT = {"specversion": "1.0", "source": "/shop", "type": "order.paid"}


def paid(shop: Shop, **more: Any) -> Bridge:
    """A bridge from payments to the order that each is for."""
    rule: dict[str, Any] = {"name": "paid", "exchange": shop.exchange_name, "keys": ["order.paid"]}
    rule |= {"signal": "Order.paid", "tag": "orderId:{$.order_id}", **more}
    return Bridge(**rule)


@asynccontextmanager
async def serving(url: str, shop: Shop, *bridges: Bridge) -> AsyncGenerator[Node]:
    """Have a node read what the bridges name."""
    async with Node(url, workflows=[Order], bridges=bridges) as node:
        for bridge in bridges:
            queue = bridge.queue or f"{url.rpartition('ns=')[2]}.bridge.{bridge.name}"

            await until(functools.partial(shop.is_read, queue), f"{queue} is consumed")
        yield node


async def letters_of(url: str) -> list[Letter]:
    async with DeadLetters(url) as letters:
        return [letter async for letter in letters.list()]


async def buried(url: str, count: int, other_than: Letter | None = None) -> list[Letter]:
    """Wait for so many dead letters."""
    known = "" if other_than is None else other_than.id

    async def found() -> list[Letter]:
        return [letter for letter in await letters_of(url) if letter.id != known]

    async def there() -> bool:
        return len(await found()) >= count

    await until(there, f"{count} dead letters")
    return await found()


async def test_what_is_published_on_a_foreign_exchange_signals_the_order_with_its_tag_in_order_and_once(
    url: str, shop: Shop, client: Client
) -> None:
    handle = await client.dispatch(client.new(Order, tags={"orderId:7"}).run)
    async with serving(url, shop, paid(shop)):
        for number in range(50):
            await shop.publish("order.paid", {"order_id": 7, "n": number}, message_id=f"m{number}")
            await shop.publish("order.shipped", {"order_id": 7, "n": "another key"}, message_id=f"s{number}")
        await shop.publish("order.paid", {"order_id": 7, "n": "again"}, message_id="m0")
        await shop.publish("order.paid", {"order_id": 7, "last": True})
        seen = await handle.result(timeout=30)

    assert seen == [None, *({"order_id": 7, "n": number} for number in range(50)), {"order_id": 7, "last": True}]


async def test_cloud_events_in_both_modes_reach_the_same_channel(url: str, shop: Shop, client: Client) -> None:
    bridge = paid(shop, id="$.subject", tag="", format="cloudevents")
    handle = await client.dispatch(client.new(Order, id="o1").run)
    headers = {f"cloudEvents:{name}": value for name, value in {**EVENT, "id": "2", "subject": "o1"}.items()}
    async with serving(url, shop, bridge):
        structured = {**EVENT, "id": "1", "subject": "o1", "data": {"n": 1}}
        await shop.publish("order.paid", structured, content_type="application/cloudevents+json")
        await shop.publish("order.paid", {"n": 2}, content_type="application/json", headers=headers)
        await shop.publish("order.paid", {**structured, "id": "3", "data": {"last": True}})
        seen = await handle.result(timeout=30)

    assert seen == [None, {"n": 1}, {"n": 2}, {"last": True}]


async def test_garbage_is_a_dead_letter_with_a_reason_and_the_good_ones_around_it_pass(
    url: str, shop: Shop, client: Client
) -> None:
    handle = await client.dispatch(client.new(Order, tags={"orderId:7"}).run)
    async with serving(url, shop, paid(shop)):
        await shop.publish("order.paid", {"order_id": 7, "n": 1})
        await shop.publish("order.paid", b"\xff not json")
        await shop.publish("order.paid", {"amount": 3})
        await shop.publish("order.paid", [1, 2])
        await shop.publish("order.paid", {"order_id": 7, "last": True})
        seen = await handle.result(timeout=30)
        letters = await buried(url, 3)

    assert [one.get("n") for one in seen[1:]] == [1, None]
    assert {letter.source for letter in letters} == {"bridge paid"}
    assert sorted(letter.reason.partition(":")[0] for letter in letters) == ["bridge 'paid'"] * 2 + [
        "the body is not JSON"
    ]


async def test_a_value_that_does_not_fit_the_channel_is_a_dead_letter(url: str, shop: Shop, client: Client) -> None:
    async with serving(url, shop, paid(shop, payload="$.amount")):
        await shop.publish("order.paid", {"order_id": 7, "amount": 3})
        letters = await buried(url, 1)

    assert "does not fit" in letters[0].reason


async def test_dead_letters_are_judged_again_by_the_rule_as_it_is_then(url: str, shop: Shop, client: Client) -> None:
    handle = await client.dispatch(client.new(Order, tags={"orderId:7"}).run)
    async with serving(url, shop, paid(shop)):
        await shop.publish("order.paid", {"order": 7, "last": True}, message_id="m")
        [letter] = await buried(url, 1)
        async with DeadLetters(url) as letters:
            await anext(letters.replay(letter.id))
        [worse] = await buried(url, 1, other_than=letter)
    async with serving(url, shop, paid(shop, tag="orderId:{$.order}")), DeadLetters(url) as letters:
        resent = [one async for one in letters.replay(worse.id)]
        seen = await handle.result(timeout=30)

    assert letter.what == "message for a bridge"
    assert [one.text for one in resent] == ["sent to the bridge paid again"]
    assert seen == [None, {"order": 7, "last": True}]


async def test_a_foreign_event_starts_and_calls(url: str, shop: Shop, client: Client) -> None:
    starts = Bridge(name="new", exchange=shop.exchange_name, keys=["new"], start="Order", method="run", id="$.id")
    calls = Bridge(name="note", exchange=shop.exchange_name, keys=["note"], call="Order.note", id="$.id",
                   arguments={"text": "noted {$.text}"})  # fmt: skip
    async with serving(url, shop, starts, calls):
        await shop.publish("new", {"id": "o1"})

        await until_told(client, "o1", [{"id": "o1"}])
        await shop.publish("note", {"id": "o1", "text": "this"})

        await until_told(client, "o1", [{"id": "o1"}, "noted this"])


async def test_an_existing_queue_is_consumed_as_it_is(url: str, shop: Shop, client: Client) -> None:
    handles = [await client.dispatch(client.new(Order, id=f"o{number}").run) for number in (1, 2)]
    cancels = Bridge(name="stop", queue=shop.queue_name, cancel="Order", id="$.id", where="$[?@.stop == true]")
    async with serving(url, shop, cancels):
        await shop.publish(shop.queue_name, {"id": "o1", "stop": False}, to_queue=True)
        await shop.publish(shop.queue_name, {"id": "o2", "stop": True}, to_queue=True)

        with pytest.raises(WorkflowCancelled):
            await handles[1].result(timeout=30)
        status = (await handles[0].describe()).data["status"]

    assert status == "running"
    assert await shop.waiting(shop.queue_name) == 0  # what was passed over is acknowledged too


async def until_told(client: Client, instance: str, wanted: list[Any]) -> None:
    """Wait until an order was told just this."""

    async def told() -> bool:
        try:
            return await client.get(Order, id=instance).told() == wanted
        except WorkflowUnknown:
            return False

    await until(told, f"{instance} was told {wanted}")


async def test_a_signal_for_nobody_starts_the_order_first_and_once(url: str, shop: Shop, client: Client) -> None:
    bridge = paid(shop, tag="", unique_tag="order:{$.order_id}", on_no_match="start", method="run",
                  arguments={"order": {"number": "$.order_id"}})  # fmt: skip
    async with serving(url, shop, bridge):
        for number in range(5):
            await shop.publish("order.paid", {"order_id": 8, "n": number}, message_id=f"m{number}")
        await shop.publish("order.paid", {"order_id": 8, "n": "again"}, message_id="m2")
        await shop.publish("order.paid", {"order_id": 8, "n": "end"})
        group = client.all(Order, tag="order:8")
        await until(lambda: has_members(client), "the order is there")
        members = [member.id async for member in client.members(group)]
        signals = [{"order_id": 8, "n": number} for number in (0, 1, 2, 3, 4, "end")]
        await until_told(client, members[0], [{"number": 8}, *signals])

    assert len(members) == 1


async def has_members(client: Client) -> bool:
    return bool([member async for member in client.members(client.all(Order, tag="order:8"))])


async def test_a_signal_for_a_tag_that_nobody_carries_is_dropped_with_an_event_and_a_line_in_the_log(
    url: str, shop: Shop, lines: list[str]
) -> None:
    ear = Ear(workflows=["Order"], types=["signalDiscarded"])
    async with Node(url, listeners=[ear.function]), serving(url, shop, paid(shop)):
        await shop.publish("order.paid", {"order_id": 9})
        (dropped,) = await ear.count(1)
        await until(lambda: any("'orderId:9' of Order found nobody" in line for line in lines), "it is told")

    assert isinstance(dropped, SignalDiscarded)
    assert (dropped.tag, dropped.channel, dropped.instance) == ("orderId:9", "paid", "")
    assert await letters_of(url) == []


async def test_a_missing_exchange_is_told_and_found_once_it_is_there(
    url: str, shop: Shop, client: Client, lines: list[str]
) -> None:
    late = f"late-{shop.exchange_name}"
    handle = await client.dispatch(client.new(Order, tags={"orderId:7"}).run)
    async with Node(url, workflows=[Order], bridges=[paid(shop, exchange=late)]):
        await until(lambda: any("no exchange" in line for line in lines), "the node complains")
        await shop.declare(late)
        await until(lambda: shop.is_read(f"{url.rpartition('ns=')[2]}.bridge.paid"), "the bridge reads")
        await shop.publish("order.paid", {"order_id": 7, "last": True})
        seen = await handle.result(timeout=30)

    assert len(seen) == 2
    [complaint] = [line for line in lines if "no exchange" in line]
    assert complaint.startswith("bridge 'paid': while looking for the exchange")
    assert "Have whoever owns it declare it" in complaint


async def test_messages_wait_until_some_node_has_had_the_workflow(
    url: str, shop: Shop, client: Client, lines: list[str]
) -> None:
    starts = Bridge(name="new", exchange=shop.exchange_name, keys=["new"], start="Order", method="run", id="$.id",
                    arguments={"order": "$"})  # fmt: skip
    async with Node(url, bridges=[starts]):
        await until(lambda: any("has ever had the workflow 'Order'" in line for line in lines), "the bridge complains")
        await shop.publish("new", {"id": "o1"})

        async with Node(url, workflows=[Order]):
            await until_told(client, "o1", [{"id": "o1"}])

    assert await letters_of(url) == []


async def test_a_bridge_needs_a_broker_that_others_can_publish_to(shop: Shop) -> None:
    with pytest.raises(ConfigurationError, match="needs RabbitMQ"):
        await Node("memory://bridge", workflows=[Order], bridges=[paid(shop)]).run()
