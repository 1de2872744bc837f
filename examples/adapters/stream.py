"""FastStream: payments from a queue of RabbitMQ. `LEVERET_URL=amqp://localhost python -m examples.adapters.stream`."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Annotated

from faststream import AckPolicy, Context, ContextRepo, FastStream
from faststream.rabbit import RabbitBroker, RabbitMessage, RabbitQueue

from examples.adapters.shop import Order, Payment, tag_of
from leveret import Client

broker = RabbitBroker(os.environ.get("PAYMENTS_URL", "amqp://localhost"))
queue = RabbitQueue(os.environ.get("PAYMENTS_QUEUE", "shop.payments"), durable=True)


@asynccontextmanager
async def lifespan(context: ContextRepo) -> AsyncGenerator[None]:
    """Open one client for the whole application; it closes when the last handler is done."""
    async with Client() as client:
        context.set_global("client", client)
        yield


app = FastStream(broker, lifespan=lifespan)


@broker.subscriber(queue, ack_policy=AckPolicy.NACK_ON_ERROR)
async def paid(payment: Payment, message: RabbitMessage, client: Annotated[Client, Context()]) -> None:
    """Signal the order's workflow: acknowledged once the broker holds the signal, else the delivery comes again.

    FastStream handles deliveries side by side, so signals may overtake one another.
    """
    orders = client.all(Order, tag=tag_of(payment.order), message_id=message.message_id)
    await orders.payments.send(payment)


if __name__ == "__main__":
    asyncio.run(app.run())
