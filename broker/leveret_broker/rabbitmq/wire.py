"""Frames written past aiormq's `basic_publish`.

That method makes a task, three futures and a lock's turn per message (about 100 µs). Here a whole batch becomes one
write. What we rely on below aiormq's public methods (7.2, tests pin it): a channel's `write_queue`, and what `inlet.py`
says. Only one task may write on such a channel, and only by this.
"""

from __future__ import annotations

import asyncio
import secrets
import struct
from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol, cast

from aiormq.abc import AbstractChannel, AbstractConnection, ChannelFrame
from pamqp import commands, frame, header

from leveret_broker.rabbitmq.inlet import Answer, Inlet, ignore

_FRAME = struct.Struct(">BHI").pack
_HEADER = struct.Struct(">HHQHBB").pack
_TYPED_HEADER = struct.Struct(">HHQHB").pack
_ACK = struct.Struct(">BHIHHQBB").pack
_END: Final = b"\xce"
_METHOD: Final = 1
_CONTENT_HEADER: Final = 2
_BODY: Final = 3
_BASIC: Final = 60
_BASIC_ACK: Final = 80
_MODE_AND_ID: Final = 0x1080
"""Property flags: delivery mode and message id."""
_TYPE_MODE_AND_ID: Final = 0x9080
"""The same with the content type before."""
_PERSISTENT: Final = 2
_OWN: Final = ("content_type", "content_encoding", "correlation_id", "reply_to")
"""Headers that AMQP has a property for, except for the message id, by which returned messages are known."""
_LONGEST_PROPERTY: Final = 255
"""Bytes."""
_FRAME_OVERHEAD: Final = 8


class RawChannel(Protocol):
    """What we rely on of an aiormq channel."""

    number: int
    write_queue: asyncio.Queue[ChannelFrame]


class _Closing(Protocol):
    @property
    def closing(self) -> asyncio.Future[None]: ...


class BatchWriter:
    """Collects publishes for one confirm channel, and writes them at once; messages are numbered from 1.

    `on_answer` is as `Inlet.on_answer`; a returned message is confirmed as well, later.
    """

    def __init__(self, channel: AbstractChannel, on_answer: Callable[[int, Answer, bool], None]) -> None:
        self._channel = channel
        self._last = 0
        self.prefix = secrets.token_hex(6)
        """Of the message ids, by which returned messages are known: fresh ones on each channel."""
        self._inlet = Inlet(channel)
        self._inlet.on_answer = on_answer
        self._inlet.on_return = self._returned
        self._methods: dict[tuple[str, str, bool], bytes] = {}
        self._parts: list[bytes] = []
        self._most: int = channel.connection.connection_tune.frame_max - _FRAME_OVERHEAD
        self.size = 0
        """Body bytes collected since the last write."""

    def add(
        self,
        exchange: str,
        routing_key: str,
        body: bytes,
        *,
        mandatory: bool,
        headers: dict[str, Any] | None,
        content_type: str = "",
    ) -> int:
        """Add a persistent message; return its number. One that AMQP has no frames for raises and adds nothing."""
        parts, number = self._parts, self._channel.number
        method = self._method(exchange, routing_key, mandatory)
        content = self._content_header(f"{self.prefix}{self._last + 1:x}", len(body), headers, content_type)
        self._last += 1
        parts += (method, content)
        for start in range(0, len(body), self._most):
            chunk = body[start : start + self._most]
            parts += (_FRAME(_BODY, number, len(chunk)), chunk, _END)
        self.size += len(body)
        return self._last

    async def write(self) -> None:
        """Hand everything collected to the connection; returns as well when the channel has gone."""
        data = b"".join(self._parts)
        self._parts.clear()
        self.size = 0
        await write(self._channel, data)

    def end(self) -> None:
        """Hear no more answers: the numbers begin anew on the next channel."""
        self._inlet.on_answer = ignore

    def _returned(self, message_id: str) -> None:
        if message_id.startswith(self.prefix):
            self._inlet.on_answer(int(message_id.removeprefix(self.prefix), 16), Answer.RETURNED, False)

    def _method(self, exchange: str, routing_key: str, mandatory: bool) -> bytes:
        key = (exchange, routing_key, mandatory)
        method = self._methods.get(key)
        if method is None:
            if len(self._methods) > 10_000:  # reply addresses come and go
                self._methods.clear()
            publish = commands.Basic.Publish(exchange=exchange, routing_key=routing_key, mandatory=mandatory)
            method = self._methods[key] = frame.marshal(publish, self._channel.number)
        return method

    def _content_header(self, message_id: str, size: int, headers: dict[str, Any] | None, content_type: str) -> bytes:
        if headers:
            own = {name: headers[name] for name in _OWN if _fits_property(headers.get(name))}
            others = {name: value for name, value in headers.items() if name not in own}
            properties = commands.Basic.Properties(
                delivery_mode=_PERSISTENT, message_id=message_id, headers=others, **own
            )
            return frame.marshal(header.ContentHeader(body_size=size, properties=properties), self._channel.number)
        if content_type:
            content = _TYPED_HEADER(_BASIC, 0, size, _TYPE_MODE_AND_ID, len(content_type)) + content_type.encode()
            content += bytes((_PERSISTENT, len(message_id))) + message_id.encode()
        else:
            content = _HEADER(_BASIC, 0, size, _MODE_AND_ID, _PERSISTENT, len(message_id)) + message_id.encode()
        return _FRAME(_CONTENT_HEADER, self._channel.number, len(content)) + content + _END


def _fits_property(value: object) -> bool:
    """Tell whether AMQP can carry it as a property; what it cannot is a header like all others."""
    return isinstance(value, str) and len(value.encode()) <= _LONGEST_PROPERTY


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
