"""Messages and confirmations, taken off an aiormq channel before it makes tasks of them.

aiormq passes each frame through two queues, wakes a task for it, and makes another one per delivery, with three
callbacks each to forget it. Here a delivery is one call, and so is a confirmation. What we rely
on below aiormq's public methods (7.2, tests pin it): a connection hands each frame of a channel to `frames.put`, as
(weight, frame), in order.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from enum import Enum
from typing import Any, NamedTuple, Protocol, TypeAlias, cast

from aiormq.abc import AbstractChannel, DeliveredMessage
from pamqp import body, commands, header

Item: TypeAlias = tuple[int, object]


class Message(NamedTuple):
    """A delivery, as far as it concerns us."""

    tag: int
    body: bytes
    redelivered: bool
    headers: dict[str, Any]
    exchange: str = ""
    routing_key: str = ""
    properties: commands.Basic.Properties | None = None


class Answer(Enum):
    """What the broker said to a publish."""

    CONFIRMED = "confirmed"
    REFUSED = "refused"
    RETURNED = "returned"


class _Frames(Protocol):
    put: Callable[[Item], Awaitable[None]]


class _Channel(Protocol):
    @property
    def frames(self) -> _Frames: ...


class Inlet:
    """Stands before a channel's frames: keeps those with content, and confirmations; passes on all others.

    What is called here runs inside the connection's reader: it must not raise.
    """

    def __init__(self, channel: AbstractChannel) -> None:
        self.on_message: Callable[[Message], None] = ignore
        self.on_return: Callable[[str], None] = ignore
        """Called with the message id of what reached no queue."""
        self.on_answer: Callable[[int, Answer, bool], None] = ignore
        """Called with a publish's number, what the broker said, and whether that stands for all before it too."""
        self._method: commands.Basic.Deliver | commands.Basic.Return | None = None
        """Whose content is coming."""
        self._header: header.ContentHeader | None = None
        self._body = bytearray()
        frames = cast("_Channel", channel).frames
        self._pass_on = frames.put
        frames.put = self._put

    async def _put(self, item: Item) -> None:
        frame = item[1]
        if isinstance(frame, (commands.Basic.Deliver, commands.Basic.Return)):
            self._method = frame
        elif self._method is not None and isinstance(frame, (header.ContentHeader, body.ContentBody)):
            self._add(frame)
        elif isinstance(frame, (commands.Basic.Ack, commands.Basic.Nack)):
            answer = Answer.CONFIRMED if isinstance(frame, commands.Basic.Ack) else Answer.REFUSED
            self.on_answer(frame.delivery_tag or 0, answer, bool(frame.multiple))
        else:
            await self._pass_on(item)

    def _add(self, frame: header.ContentHeader | body.ContentBody) -> None:
        if isinstance(frame, header.ContentHeader):
            self._header = frame
        else:
            self._body += frame.value
        assert self._header is not None
        if len(self._body) >= (self._header.body_size or 0):
            self._complete(self._header)

    def _complete(self, head: header.ContentHeader) -> None:
        method, data = self._method, bytes(self._body)
        self._method = self._header = None
        self._body.clear()
        if isinstance(method, commands.Basic.Deliver):
            properties = head.properties
            self.on_message(
                Message(
                    method.delivery_tag or 0,
                    data,
                    bool(method.redelivered),
                    cast("dict[str, Any]", properties.headers or {}),
                    method.exchange or "",
                    method.routing_key or "",
                    properties,
                )
            )
        else:
            self.on_return(head.properties.message_id or "")


async def consume(
    channel: AbstractChannel, queue: str, on_message: Callable[[Message], None], *, no_ack: bool = False
) -> None:
    """Begin to consume, in place of aiormq's callbacks."""
    Inlet(channel).on_message = on_message
    await channel.basic_consume(queue, _never_called, no_ack=no_ack)


async def _never_called(_message: DeliveredMessage) -> None:
    raise AssertionError("the inlet keeps all deliveries")


def ignore(*_: object) -> None:
    """Do nothing with what is told."""
