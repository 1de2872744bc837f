"""Frames written by hand are those that pamqp writes."""

import asyncio
from typing import Any, cast

import pytest
from aiormq.abc import AbstractChannel, ChannelFrame
from pamqp import body as content
from pamqp import commands, frame, header

from leveret_broker.rabbitmq.wire import BatchWriter, write_acks


class FakeTune:
    frame_max = 4096


class FakeConnection:
    connection_tune = FakeTune()


class FakeChannel:
    """What the writer touches of an aiormq channel."""

    def __init__(self) -> None:
        self.number = 7
        self.delivery_tag = 0
        self.confirmations: dict[int, Any] = {}
        self.message_id_delivery_tag: dict[str, int] = {}
        self.write_queue: asyncio.Queue[ChannelFrame] = asyncio.Queue()
        self.connection = FakeConnection()
        self.is_closed = False


@pytest.fixture
def channel() -> FakeChannel:
    return FakeChannel()


def marshalled(*frames: Any) -> bytes:
    return b"".join(frame.marshal(one, 7) for one in frames)


@pytest.mark.parametrize("headers", [None, {"leveret-reason": "why"}])
@pytest.mark.parametrize("size", [0, 1, 4088, 4089, 10_000])
async def test_a_publish_is_written_as_pamqp_would(
    channel: FakeChannel, headers: dict[str, str] | None, size: int
) -> None:
    writer = BatchWriter(cast("AbstractChannel", channel))
    data = b"x" * size

    writer.add("id1", "exchange", "key", data, mandatory=True, headers=headers, on_answer=lambda _: None)
    await writer.write()

    properties = commands.Basic.Properties(delivery_mode=2, message_id="id1", headers=cast("Any", headers))
    chunks = [content.ContentBody(data[start : start + 4088]) for start in range(0, size, 4088)]
    assert channel.write_queue.get_nowait().payload == marshalled(
        commands.Basic.Publish(exchange="exchange", routing_key="key", mandatory=True),
        header.ContentHeader(body_size=size, properties=properties),
        *chunks,
    )


async def test_acknowledgements_are_written_as_pamqp_would(channel: FakeChannel) -> None:
    await write_acks(cast("AbstractChannel", channel), 5, [8, 2**40])

    assert channel.write_queue.get_nowait().payload == marshalled(
        commands.Basic.Ack(delivery_tag=5, multiple=True),
        commands.Basic.Ack(delivery_tag=8),
        commands.Basic.Ack(delivery_tag=2**40),
    )


async def test_an_answer_is_told_once_and_its_message_id_forgotten(channel: FakeChannel) -> None:
    writer = BatchWriter(cast("AbstractChannel", channel))
    answers: list[BaseException | None] = []

    for number in (1, 2):
        writer.add(f"id{number}", "", "key", b"", mandatory=True, headers=None, on_answer=answers.append)
    assert channel.message_id_delivery_tag == {"id1": 1, "id2": 2}
    channel.confirmations[1].set_result(None)
    channel.confirmations[2].set_exception(error := ValueError())

    assert answers == [None, error]
    assert channel.message_id_delivery_tag == {}
    assert channel.confirmations[1].done()
