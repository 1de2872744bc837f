"""Frames written past aiormq's `basic_publish`.

That method makes a task, three futures and a lock's turn per message (about 100 µs). Here a whole batch becomes one
write, and each confirmation is one call. What we rely on below aiormq's public methods (7.2, tests pin it): a channel's
`write_queue`, `delivery_tag`, `confirmations` and `message_id_delivery_tag`, and that whatever is in `confirmations` is
asked `done()` and told `set_result` or `set_exception`. Only one task may write on such a channel.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable, Sequence
from typing import Final, Protocol, cast

from aiormq.abc import AbstractChannel, AbstractConnection, ChannelFrame
from pamqp import commands, frame, header

_FRAME = struct.Struct(">BHI").pack
_HEADER = struct.Struct(">HHQHBB").pack
_ACK = struct.Struct(">BHIHHQBB").pack
_END: Final = b"\xce"
_METHOD: Final = 1
_CONTENT_HEADER: Final = 2
_BODY: Final = 3
_BASIC: Final = 60
_BASIC_ACK: Final = 80
_MODE_AND_ID: Final = 0x1080
"""Property flags: delivery mode and message id."""
_PERSISTENT: Final = 2
_FRAME_OVERHEAD: Final = 8


class RawChannel(Protocol):
    """What we rely on of an aiormq channel."""

    number: int
    delivery_tag: int
    confirmations: dict[int, object]
    message_id_delivery_tag: dict[str, int]
    write_queue: asyncio.Queue[ChannelFrame]


class _Closing(Protocol):
    @property
    def closing(self) -> asyncio.Future[None]: ...


class Confirmation:
    """What aiormq tells the broker's answer to a publish; passes it on, once."""

    __slots__ = ("_channel", "_message_id", "_on_answer", "_open")

    def __init__(self, channel: RawChannel, message_id: str, on_answer: Callable[[BaseException | None], None]) -> None:
        self._channel = channel
        self._message_id = message_id
        self._on_answer = on_answer
        self._open = True

    def done(self) -> bool:
        """Return whether the answer came."""
        return not self._open

    def cancelled(self) -> bool:
        """Return False: nobody cancels a publish."""
        return False

    def set_result(self, _answer: object) -> None:
        """Pass on a positive confirmation."""
        self._tell(None)

    def set_exception(self, error: BaseException) -> None:
        """Pass on a negative confirmation (DeliveryError) or a returned message (PublishError)."""
        self._tell(error)

    def _tell(self, error: BaseException | None) -> None:
        self._open = False
        self._channel.message_id_delivery_tag.pop(self._message_id, None)
        self._on_answer(error)


class BatchWriter:
    """Collects publishes for one confirm channel, and writes them at once."""

    def __init__(self, channel: AbstractChannel) -> None:
        self._channel = channel
        self._raw = cast("RawChannel", channel)
        self._methods: dict[tuple[str, str, bool], bytes] = {}
        self._parts: list[bytes] = []
        self._most: int = channel.connection.connection_tune.frame_max - _FRAME_OVERHEAD
        self.size = 0
        """Body bytes collected since the last write."""

    def add(
        self,
        message_id: str,
        exchange: str,
        routing_key: str,
        body: bytes,
        *,
        mandatory: bool,
        headers: dict[str, str] | None,
        on_answer: Callable[[BaseException | None], None],
    ) -> None:
        """Add a persistent message. `message_id` must be fresh: aiormq finds returned messages by it."""
        channel = self._raw
        channel.delivery_tag += 1
        confirmation = Confirmation(channel, message_id, on_answer)
        channel.confirmations[channel.delivery_tag] = confirmation
        channel.message_id_delivery_tag[message_id] = channel.delivery_tag
        parts = self._parts
        parts.append(self._method(exchange, routing_key, mandatory))
        parts.append(self._content_header(message_id.encode(), len(body), headers))
        for start in range(0, len(body), self._most):
            chunk = body[start : start + self._most]
            parts += (_FRAME(_BODY, channel.number, len(chunk)), chunk, _END)
        self.size += len(body)

    async def write(self) -> None:
        """Hand everything collected to the connection; returns as well when the channel has gone."""
        data = b"".join(self._parts)
        self._parts.clear()
        self.size = 0
        await write(self._channel, data)

    def _method(self, exchange: str, routing_key: str, mandatory: bool) -> bytes:
        key = (exchange, routing_key, mandatory)
        method = self._methods.get(key)
        if method is None:
            if len(self._methods) > 10_000:  # reply addresses come and go
                self._methods.clear()
            publish = commands.Basic.Publish(exchange=exchange, routing_key=routing_key, mandatory=mandatory)
            method = self._methods[key] = frame.marshal(publish, self._channel.number)
        return method

    def _content_header(self, message_id: bytes, size: int, headers: dict[str, str] | None) -> bytes:
        if headers:
            properties = commands.Basic.Properties(
                delivery_mode=_PERSISTENT, message_id=message_id.decode(), headers=dict(headers)
            )
            return frame.marshal(header.ContentHeader(body_size=size, properties=properties), self._channel.number)
        content = _HEADER(_BASIC, 0, size, _MODE_AND_ID, _PERSISTENT, len(message_id)) + message_id
        return _FRAME(_CONTENT_HEADER, self._channel.number, len(content)) + content + _END


async def write_acks(channel: AbstractChannel, upto: int, single: Sequence[int]) -> None:
    """Acknowledge every delivery up to tag `upto` (0: none), and those in `single`."""
    parts = [_ACK(_METHOD, channel.number, 13, _BASIC, _BASIC_ACK, upto, 1, 0xCE)] if upto else []
    parts += [_ACK(_METHOD, channel.number, 13, _BASIC, _BASIC_ACK, tag, 0, 0xCE) for tag in single]
    await write(channel, b"".join(parts))


async def write(channel: AbstractChannel, data: bytes) -> None:
    """Queue bytes for the connection's writer, waiting for room, but not on a channel that has gone."""
    queue = cast("RawChannel", channel).write_queue
    chunk = ChannelFrame(payload=data, should_close=False)
    if channel.is_closed:  # a frame for it would cost the connection
        return
    if not queue.full():
        queue.put_nowait(chunk)
        return
    closing = closing_of(channel)
    putting: asyncio.Future[None] = asyncio.ensure_future(queue.put(chunk))
    try:
        await asyncio.wait({putting, closing}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        putting.cancel()
        closing.cancel()


def closing_of(what: AbstractChannel | AbstractConnection) -> asyncio.Future[None]:
    """Return a future of one's own that is done when the channel or connection has gone."""
    return cast("_Closing", what).closing
