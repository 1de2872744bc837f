"""Messages that cannot be sent must not keep others from being sent."""

from collections.abc import AsyncIterator

import pytest

from leveret_broker.address import DEAD_LETTERS, MailboxQueue, ReplyQueue, ServiceQueue
from leveret_broker.errors import PublishFailed
from leveret_broker.rabbitmq import RabbitTransport
from tests.servers import RabbitServer
from tests.transport.harness import confirmed, soon, take


@pytest.fixture
async def transport(rabbit: RabbitServer, namespace: str) -> AsyncIterator[RabbitTransport]:
    transport = RabbitTransport(rabbit.url, namespace)
    await transport.open(20)
    yield transport
    await transport.close()


async def test_a_message_that_amqp_cannot_carry_fails_alone(transport: RabbitTransport) -> None:
    reply = transport.publish(ReplyQueue("x" * 300), b"a routing key has 255 bytes at most")
    parcel = transport.publish(MailboxQueue("x" * 300, 0), b"this one is too long as well")

    await confirmed(transport, [transport.publish(ServiceQueue("Hotel"), b"healthy")])

    for future in (reply, parcel):
        with pytest.raises(PublishFailed, match="255"):
            await soon(future)


async def test_any_text_can_be_the_reason_of_a_dead_letter(transport: RabbitTransport) -> None:
    await confirmed(transport, [transport.publish(DEAD_LETTERS, b"letter", reason="bad \udcff", source="Hotel")])

    subscription = await transport.subscribe_dead_letters()
    [delivery] = await take(subscription, 1)

    assert (delivery.reason, delivery.source) == ("bad ?", "Hotel")
