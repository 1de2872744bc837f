"""What is taken off a channel before aiormq sees it, and what is not."""

import asyncio
from typing import Any, cast

import pytest
from aiormq.abc import AbstractChannel
from pamqp import body, commands, header

from leveret_broker.rabbitmq.inlet import Inlet, Message


class FakeChannel:
    """What the inlet touches of an aiormq channel."""

    def __init__(self) -> None:
        self.frames: asyncio.Queue[tuple[int, Any]] = asyncio.Queue()


@pytest.fixture
def channel() -> FakeChannel:
    return FakeChannel()


def header_of(size: int, headers: dict[str, Any] | None = None) -> header.ContentHeader:
    return header.ContentHeader(body_size=size, properties=commands.Basic.Properties(headers=headers))


async def test_a_delivery_is_one_message_however_many_frames_it_came_in(channel: FakeChannel) -> None:
    messages: list[Message] = []
    Inlet(cast("AbstractChannel", channel)).on_message = messages.append

    for frame in (
        commands.Basic.Deliver("consumer", 1, redelivered=False, exchange="", routing_key=""),
        header_of(0),
        commands.Basic.Deliver("consumer", 2, redelivered=True, exchange="", routing_key=""),
        header_of(5, {"why": "so"}),
        body.ContentBody(b"ab"),
        body.ContentBody(b"cde"),
    ):
        await channel.frames.put((0, frame))

    assert [message[:4] for message in messages] == [(1, b"", False, {}), (2, b"abcde", True, {"why": "so"})]
    assert channel.frames.empty()


async def test_other_frames_go_their_way_also_those_with_content(channel: FakeChannel) -> None:
    Inlet(cast("AbstractChannel", channel))
    frames = [commands.Basic.QosOk(), commands.Basic.GetOk(), header_of(1), body.ContentBody(b"x")]

    for frame in frames:
        await channel.frames.put((0, frame))

    assert [channel.frames.get_nowait()[1] for _ in frames] == frames
