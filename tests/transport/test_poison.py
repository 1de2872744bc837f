"""Messages that cannot be sent must not keep others from being sent."""

from collections.abc import AsyncIterator

import pytest

from leveret_broker.address import COMMANDS, DEAD_LETTERS, MailboxQueue, ReplyQueue, ServiceQueue
from leveret_broker.command import RawCommand, decode_command, encode_command
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


@pytest.mark.parametrize("correlation", [12345, "c" * 256], ids=["a-number", "too-long"])
async def test_a_header_that_fits_no_property_keeps_no_command_from_the_dead_letters(
    transport: RabbitTransport, correlation: object
) -> None:
    command = RawCommand("start.Nobody", b"{}", {"correlation_id": correlation})
    letter = transport.publish(DEAD_LETTERS, encode_command(command), reason="no", source=str(COMMANDS))
    await confirmed(transport, [letter])

    subscription = await transport.subscribe_dead_letters()
    [delivery] = await take(subscription, 1)

    assert decode_command(delivery.bodies[0]).headers == command.headers
