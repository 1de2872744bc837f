"""Refused commands as another application sees them: plain AMQP, no code of leveret."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import aio_pika
from aio_pika.abc import AbstractIncomingMessage

from leveret import workflow
from leveret_actors import Node, Settings
from tests.asyncapi.official import VALIDATORS
from tests.servers import RabbitServer, RedisServer

SECONDS = 60.0
LIMIT = 64 * 1024
"""Of payloads, for a body over the limit that is no burden to the tests."""


@workflow.define(name="Order")
class Order:
    async def run(self, item: str) -> str:
        return item


GOOD = {"id": "good", "arguments": {"item": "pen"}}
REFUSED: dict[str, tuple[str, bytes, str, str]] = {
    "m1": ("start.Nobody", b"{}", "application/json", "unknown_workflow: no node of this namespace has ever had a"),
    "m2": ("begin.Order", b"{}", "application/json", "routing_key: 'begin.Order' begins with none of start., "),
    "m3": ("start.Order", b"<order/>", "application/json", "not_json: JSON is malformed"),
    "m4": ("start.Order", b'{"argments": {}}', "application/json", "body: Object contains unknown field `argments`"),
    "m5": ("start.Order", b'{"arguments": {"item": 1}}', "application/json", "arguments: Order.run(): argument 'item'"),
    "m6": ("cancel.Order", b"{}", "application/json", "target: nobody is meant: give id, tag or unique_tag"),
    "m7": ("start.Order", b"{}", "text/xml", "content_type: 'text/xml' is not JSON"),
    "m8": ("start.Order", b"x" * 4 * LIMIT, "application/json", f"too_large: the body has {4 * LIMIT} bytes"),
}


async def test_a_plain_amqp_consumer_of_dead_letters_reads_what_was_refused_and_why(
    rabbit: RabbitServer, redis_server: RedisServer, namespace: str
) -> None:
    url = f"{rabbit.url}?store={redis_server.url}&ns={namespace}&payload_limit={LIMIT}"
    letters: dict[str, AbstractIncomingMessage] = {}
    all_there = asyncio.Event()

    async def read(message: AbstractIncomingMessage) -> None:
        letters[str(message.headers.get("message_id"))] = message
        if len(letters) == len(REFUSED):
            all_there.set()

    node = Node(url, workflows=[Order], settings=Settings(mailboxes=1))
    async with asyncio.timeout(SECONDS), node, await aio_pika.connect(rabbit.url) as other:
        channel = await other.channel()
        mine = await channel.declare_queue(exclusive=True)
        await mine.bind(f"{namespace}.dead")
        await mine.consume(read, no_ack=True)
        replies = await channel.declare_queue(exclusive=True)
        commands = await channel.get_exchange(f"{namespace}.commands")
        for name, (key, body, kind, _) in REFUSED.items():
            await commands.publish(aio_pika.Message(body, message_id=name, content_type=kind), key)
        good = aio_pika.Message(json.dumps(GOOD).encode(), message_id="good", reply_to=replies.name)
        await commands.publish(good, "start.Order")
        await all_there.wait()
        reply = await first(replies)

    VALIDATORS["reply"].validate(reply)
    assert (reply["status"], reply["value"]) == ("completed", "pen")
    for name, (key, body, _, reason) in REFUSED.items():
        headers = letters[name].headers
        assert str(headers["leveret-reason"]).startswith(reason)
        assert (headers["leveret-source"], headers["leveret-routing-key"]) == ("commands", key)
        assert letters[name].body == (body[:1024] if reason.startswith("too_large") else body)
    assert letters["m8"].headers["leveret-size"] == 4 * LIMIT


async def first(queue: aio_pika.abc.AbstractQueue) -> dict[str, Any]:
    """Return the first message of a queue."""
    async with queue.iterator(no_ack=True) as messages:
        message = await anext(messages)
    found: dict[str, Any] = json.loads(message.body)
    return found
