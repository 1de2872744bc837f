"""Calls of services by a client whose connection comes and goes."""

from __future__ import annotations

import asyncio
import secrets

from leveret import Client
from leveret_broker.address import ReplyQueue, ServiceQueue
from leveret_broker.embedded.memory import MemoryTransport
from leveret_broker.envelope import Answer, AskTask, ClientCaller, Envelope, Message, Task, decode, encode
from leveret_broker.outcome import Completed
from leveret_broker.transport import Subscription


async def taken(subscription: Subscription) -> Message:
    (delivery,) = await subscription.take()
    subscription.acknowledge((delivery,))
    return decode(delivery.bodies[0]).message


async def test_after_a_lost_connection_the_outcome_is_asked_for_and_the_call_is_not_repeated() -> None:
    transport = MemoryTransport(secrets.token_hex(5), "t")
    await transport.open()
    worker = await transport.subscribe_service(ServiceQueue("Desk"), 10)
    async with Client(transport=transport) as client:
        called = asyncio.create_task(client.task("Desk.book"))
        task = await taken(worker)
        assert isinstance(task, Task)
        assert isinstance(task.caller, ClientCaller)

        client._post.requests._on_restored()
        question = await taken(worker)

        assert question == AskTask(task.task_id, task.caller)
        body = encode(Envelope(task.caller.request, "", Answer(Completed(client._post.codec.dump("booked")))))
        await transport.publish(ReplyQueue(task.caller.client), body)
        assert await called == "booked"
    await transport.close()
