"""Frames written by hand are those that pamqp writes, and numbered answers find their messages."""

import asyncio
from typing import Any, cast

import pytest
from aiormq.abc import AbstractChannel, ChannelFrame
from pamqp import body as content
from pamqp import commands, frame, header

from leveret_broker.rabbitmq.inlet import Answer
from leveret_broker.rabbitmq.wire import BatchWriter, write_acks


class FakeTune:
    frame_max = 4096


class FakeConnection:
    connection_tune = FakeTune()


class FakeChannel:
    """What the writer touches of an aiormq channel."""

    def __init__(self) -> None:
        self.number = 7
        self.frames: asyncio.Queue[tuple[int, Any]] = asyncio.Queue()
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
    writer = BatchWriter(cast("AbstractChannel", channel), lambda *_: None)
    data = b"x" * size

    writer.add("exchange", "key", data, mandatory=True, headers=headers)
    await writer.write()

    message_id = f"{writer.prefix}1"
    properties = commands.Basic.Properties(delivery_mode=2, message_id=message_id, headers=cast("Any", headers))
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


async def test_an_answer_is_told_by_the_number_of_its_message(channel: FakeChannel) -> None:
    answers: list[tuple[int, Answer, bool]] = []
    writer = BatchWriter(cast("AbstractChannel", channel), lambda *answer: answers.append(answer))
    numbers = [writer.add("", "key", b"", mandatory=True, headers=None) for _ in range(12)]
    returned = header.ContentHeader(properties=commands.Basic.Properties(message_id=f"{writer.prefix}c"), body_size=0)

    for frame_ in (
        commands.Basic.Ack(delivery_tag=9, multiple=True),
        commands.Basic.Nack(delivery_tag=10),
        commands.Basic.Return(312, "NO_ROUTE", "", "key"),
        returned,
    ):
        await channel.frames.put((0, frame_))

    assert numbers == list(range(1, 13))
    assert answers == [(9, Answer.CONFIRMED, True), (10, Answer.REFUSED, False), (12, Answer.RETURNED, False)]
    assert channel.frames.empty()


async def test_nothing_is_told_after_the_end(channel: FakeChannel) -> None:
    answers: list[object] = []
    writer = BatchWriter(cast("AbstractChannel", channel), lambda *answer: answers.append(answer))
    writer.add("", "key", b"", mandatory=True, headers=None)

    writer.end()
    await channel.frames.put((0, commands.Basic.Ack(delivery_tag=1)))

    assert answers == []
