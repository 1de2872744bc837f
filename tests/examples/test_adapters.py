"""The example adapters: applications in processes of their own, as their pages say to start them."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import aio_pika
import httpx
import pytest
from aiokafka import ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaConnectionError

from examples.adapters import demo, kafka, webhook
from examples.adapters.shop import Order, tag_of
from leveret import Client
from leveret.interceptors import ClientInterceptor, SignalRequest
from leveret_broker.errors import BrokerUnavailable, TransportClosed
from tests.conformance.house import DEADLINE, House
from tests.examples.processes import running
from tests.servers import RabbitServer, free_port


async def answers(http: httpx.AsyncClient, method: str, url: str, json: Any = None) -> httpx.Response:
    """Ask until there is a server that answers."""
    async with asyncio.timeout(DEADLINE):
        while True:
            try:
                return await http.request(method, url, json=json)
            except httpx.ConnectError:
                await asyncio.sleep(0.02)


async def test_the_demo_says_what_the_webhook_answers() -> None:
    assert await demo.main() == [
        "202 http://shop/orders/7",
        "202 http://shop/orders/7",
        {"order": "7", "status": "running"},
        {"order": "7", "status": "completed", "result": [500]},
    ]


async def test_a_webhook_that_comes_twice_starts_one_workflow_even_before_there_is_a_node(house: House) -> None:
    port = free_port()
    web = ("uvicorn", "examples.adapters.webhook:app", "--port", f"{port}", "--log-level", "warning")
    placed = {"order": "7", "cents": 500}

    async with running(house, *web), httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=DEADLINE) as http:
        first = await answers(http, "POST", "/orders", placed)
        second = await http.post("/orders", json=placed)
        await house.open(Order)
        handle = house.remember(Order, house.client.get("ShopOrder", id="7"))
        await house.waiting(handle)
        members = [member.id async for member in house.client.members(house.client.all(Order, tag=tag_of("7")))]
        before = (await http.get(first.headers["Location"])).json()
        await house.client.all("ShopOrder", tag=tag_of("7")).signal("payments", {"order": "7", "cents": 500})
        await handle.result(DEADLINE)
        after = (await http.get(first.json()["status_url"])).json()
        unknown = await http.get("/orders/8")
        wrong = await http.post("/orders", json={"order": "9", "cents": -1})

    assert (first.status_code, second.status_code) == (202, 202)
    assert members == ["7"]
    assert before == {"order": "7", "status": "running"}
    assert after == {"order": "7", "status": "completed", "result": [500]}
    assert (unknown.status_code, wrong.status_code) == (404, 422)


async def test_the_client_opens_with_the_application_and_closes_behind_its_last_request(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LEVERET_URL", "memory://lifespan")

    async with webhook.lifespan(webhook.app) as state:
        order = state["client"].new(Order, id="7")
        assert (await state["client"].dispatch(order.run, 500)).id == "7"

    with pytest.raises(TransportClosed):
        await state["client"].dispatch(order.run, 500)


async def test_a_status_that_no_node_can_tell_is_not_the_status_of_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    async with Client("memory://no-node") as client:
        monkeypatch.setitem(webhook.app.dependency_overrides, webhook.client_of, lambda: client)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(webhook.app), base_url="http://shop") as http:
            asked = await http.get("/orders/7")

    assert (asked.status_code, asked.headers["Retry-After"]) == (503, "5")


@pytest.mark.parametrize("url", ["servers"], indirect=True)
async def test_payments_in_a_queue_reach_the_order_once_each(
    house: House, rabbit: RabbitServer, namespace: str
) -> None:
    queue = f"{namespace}.shop.payments"
    where = {"PAYMENTS_URL": rabbit.url, "PAYMENTS_QUEUE": queue}
    await house.open(Order)
    handle = await house.start(Order, 60, id="7", tags={tag_of("7")})

    async with running(house, "examples.adapters.stream", **where), await aio_pika.connect(rabbit.url) as connection:
        channel = await connection.channel()
        await channel.declare_queue(queue, durable=True)
        for key, cents in [("a", 10), ("b", 20), ("a", 10), ("b", 20), ("c", 30)]:
            body = json.dumps({"order": "7", "cents": cents}).encode()
            message = aio_pika.Message(body, message_id=key, content_type="application/json")
            await channel.default_exchange.publish(message, queue)
        paid = await handle.result(DEADLINE)

    assert sorted(paid) == [10, 20, 30]  # the deliveries are handled side by side


TOPIC = TopicPartition("payments", 0)


def record(offset: int, value: bytes) -> kafka.Record:
    return ConsumerRecord("payments", 0, offset, 0, 0, b"7", value, None, 1, len(value), ())


def payment(offset: int) -> kafka.Record:
    return record(offset, b'{"order": "7", "cents": %d}' % offset)


class Topic:
    """What a consumer gives: batches, one after the other; behind the last one it waits for ever."""

    def __init__(self, *batches: list[kafka.Record]) -> None:
        self.batches = list(batches)
        self.committed: list[int] = []
        self.empty = asyncio.Event()

    async def getmany(self, *, timeout_ms: int, max_records: int) -> dict[TopicPartition, list[kafka.Record]]:
        if not self.batches:
            self.empty.set()
            await asyncio.Event().wait()
        return {TOPIC: self.batches.pop(0)}

    async def commit(self, offsets: dict[TopicPartition, int]) -> None:
        self.committed.append(offsets[TOPIC])


class Held(ClientInterceptor):
    """The broker has the signals, but the client is not told until it is let go, or is told of a failure."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.failure = failure
        self.sent: asyncio.Queue[str] = asyncio.Queue()
        self.go = asyncio.Event()

    async def send_signal(self, details: SignalRequest, /) -> Any:
        await details.proceed()
        await self.sent.put(details.call.message_id)
        await self.go.wait()
        if self.failure is not None:
            raise self.failure


async def test_records_reach_the_order_as_they_lie_in_the_partition_and_garbage_stops_nothing(house: House) -> None:
    await house.open(Order)
    handle = await house.start(Order, sum(range(1, 41)), id="7", tags={tag_of("7")})
    first, second = [payment(offset) for offset in range(1, 21)], [payment(offset) for offset in range(15, 41)]
    topic = Topic([record(0, b"{"), *first], first, second)

    relaying = asyncio.create_task(kafka.relay(topic, house.client))
    paid = await handle.result(DEADLINE)
    await asyncio.wait_for(topic.empty.wait(), DEADLINE)
    relaying.cancel()

    assert paid == list(range(1, 41))
    assert topic.committed == [21, 21, 41]


async def test_offsets_are_committed_only_when_all_signals_of_the_batch_are_confirmed(house: House) -> None:
    held, topic = Held(), Topic([payment(1), payment(2)])

    async with Client(house.url, interceptors=[held]) as client:
        relaying = asyncio.create_task(kafka.relay(topic, client))
        sent = [await asyncio.wait_for(held.sent.get(), DEADLINE) for _ in range(2)]
        before = list(topic.committed)
        held.go.set()
        await asyncio.wait_for(topic.empty.wait(), DEADLINE)
        relaying.cancel()

    assert sent == ["payments/0/1", "payments/0/2"]
    assert (before, topic.committed) == ([], [3])


async def test_a_batch_that_was_not_confirmed_is_not_committed(house: House) -> None:
    held, topic = Held(BrokerUnavailable("gone")), Topic([payment(1)])
    held.go.set()

    async with Client(house.url, interceptors=[held]) as client:
        with pytest.raises(ExceptionGroup) as failed:
            await kafka.relay(topic, client)

    assert failed.group_contains(BrokerUnavailable)
    assert topic.committed == []


async def test_the_real_consumer_never_commits_by_itself_and_says_when_there_is_no_kafka() -> None:
    consumer = kafka.payments(f"127.0.0.1:{free_port()}")

    with pytest.raises(KafkaConnectionError):
        await consumer.start()
    await consumer.stop()

    assert consumer._enable_auto_commit is False
