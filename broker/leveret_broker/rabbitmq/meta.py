"""The namespace record: a stream that everybody may append to, and whose first word on a subject holds."""

from __future__ import annotations

import asyncio
import random
import secrets
import sys
from typing import Any, Final, cast

import msgspec
from aiormq.abc import AbstractChannel, AbstractConnection, ArgumentsType, DeliveredMessage
from aiormq.exceptions import ChannelPreconditionFailed
from loguru import logger
from pamqp import commands

from leveret_broker.errors import BrokerRefused, BrokerUnavailable
from leveret_broker.rabbitmq.connection import ANSWER_SECONDS, Connection, answered
from leveret_broker.rabbitmq.failure import translated
from leveret_broker.rabbitmq.wire import closing_of

END_SECONDS: Final = 0.5
"""How long the next record may take before the end of the stream is assumed: only costs a needless record."""
PREFETCH: Final = 100
PAUSE: Final = (0.05, 0.2)
"""Seconds before asking again, drawn from this range."""


class MailboxRecord(msgspec.Struct, frozen=True, array_like=True, tag="mailboxes"):
    """Somebody proposes how many mailbox queues a kind has."""

    kind: str
    count: int
    id: str
    """Tells the proposer that the stream has been read up to here."""


class NamespaceRecord:
    """Reads the stream from its beginning and appends to it.

    On a connection of its own, more than once if need be: RabbitMQ 3.10 answers who consumes from a stream while
    somebody else is just declaring it with INTERNAL_ERROR and the end of the connection, or with a 406.
    """

    def __init__(self, connection: Connection, stream: str) -> None:
        self._connection = connection
        self._stream = stream
        self._counts: dict[str, int] = {}
        self._lock = asyncio.Lock()

    async def mailbox_count(self, kind: str, proposed: int) -> int:
        """Return the count of the first record for `kind`, after appending one if there seems to be none."""
        if kind in self._counts:
            return self._counts[kind]
        async with self._lock:
            try:
                async with asyncio.timeout(ANSWER_SECONDS):
                    while kind not in self._counts:
                        await self._try(kind, proposed)
            except TimeoutError:
                raise BrokerUnavailable(f"the stream {self._stream} did not answer in time") from None
        return self._counts[kind]

    async def _try(self, kind: str, proposed: int) -> None:
        try:
            async with self._connection.apart() as connection:
                await self._settle(connection, kind, proposed)
        except BrokerUnavailable as error:
            logger.debug("Asking the stream {} again: {}", self._stream, error)
            await asyncio.sleep(random.uniform(*PAUSE))

    async def _settle(self, connection: AbstractConnection, kind: str, proposed: int) -> None:
        """Read to the end; if nobody has spoken, append a record and read until it comes by: an earlier one wins."""
        reader = Reader(await answered(connection.channel(publisher_confirms=False)))
        expected = await self._begin(reader)
        if not await self._read(reader, kind, "", expected):
            mine = secrets.token_hex(8)
            try:
                await self._append(connection, MailboxRecord(kind, proposed, mine))
            except BrokerRefused:  # a user who may only read: the broker's figure lags, somebody may have spoken
                if not await self._read(reader, kind, "", sys.maxsize):
                    raise
            else:
                await self._read(reader, kind, mine, 0)

    async def _begin(self, reader: Reader) -> int:
        """Consume from the first record on; return about how many there are (the broker's figure lags)."""
        channel = reader.channel
        with translated(f"declaring the stream {self._stream}"):
            stream: ArgumentsType = {"x-queue-type": "stream"}
            declared = await answered(channel.queue_declare(self._stream, durable=True, arguments=stream))
        first: ArgumentsType = {"x-stream-offset": "first"}
        with translated(f"reading the stream {self._stream}"):
            await answered(channel.basic_qos(prefetch_count=PREFETCH))
            try:
                await answered(channel.basic_consume(self._stream, reader.on_message, arguments=first))
            except ChannelPreconditionFailed as error:
                raise BrokerUnavailable(str(error)) from error
        return cast("int", declared.message_count) or 0

    async def _read(self, reader: Reader, kind: str, mine: str, expected: int) -> bool:
        """Read until `kind` is settled, or until the end: record `mine`; without one, `expected` records or silence."""
        while kind not in self._counts:
            if not mine and reader.seen >= expected:
                return False
            try:
                async with asyncio.timeout(None if mine else END_SECONDS):
                    tag, record = await reader.next()
            except TimeoutError:
                return False
            if record is not None:
                self._counts.setdefault(record.kind, record.count)
            with translated(f"reading the stream {self._stream}"):
                await reader.channel.basic_ack(tag, wait=False)
        return True

    async def _append(self, connection: AbstractConnection, record: MailboxRecord) -> None:
        with translated(f"appending to the stream {self._stream}"):
            channel = await answered(connection.channel())
            properties = commands.Basic.Properties(delivery_mode=2, message_id=record.id)
            body = msgspec.msgpack.encode(record)
            await answered(channel.basic_publish(body, routing_key=self._stream, mandatory=True, properties=properties))


class Reader:
    """Keeps what the broker sends from the stream."""

    def __init__(self, channel: AbstractChannel) -> None:
        self.channel = channel
        self.seen = 0
        """Records handed on."""
        self._records: asyncio.Queue[tuple[int, bytes]] = asyncio.Queue()

    async def on_message(self, message: DeliveredMessage) -> None:
        """Keep a record."""
        assert message.delivery_tag is not None
        self._records.put_nowait((message.delivery_tag, message.body))

    async def next(self) -> tuple[int, MailboxRecord | None]:
        """Return the next record, None for one that is not ours."""
        closing = closing_of(self.channel)
        getting: asyncio.Future[tuple[int, bytes]] = asyncio.ensure_future(self._records.get())
        both: set[asyncio.Future[Any]] = {getting, closing}
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            if not getting.done():
                raise BrokerUnavailable("the channel was lost while reading the namespace record")
            tag, body = getting.result()
        finally:
            getting.cancel()
            closing.cancel()
        self.seen += 1
        try:
            return tag, msgspec.msgpack.decode(body, type=MailboxRecord)
        except msgspec.DecodeError as error:
            logger.warning("The namespace record holds something unreadable: {}", error)
            return tag, None
