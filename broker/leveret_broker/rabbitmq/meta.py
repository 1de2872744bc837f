"""The namespace record: a stream that everybody may append to, and whose first word on a subject holds."""

from __future__ import annotations

import asyncio
import secrets
from typing import Any, Final, cast

import msgspec
from aiormq.abc import AbstractChannel, ArgumentsType, DeliveredMessage
from loguru import logger
from pamqp import commands

from leveret_broker.errors import BrokerUnavailable
from leveret_broker.rabbitmq.connection import ANSWER_SECONDS, Connection, answered, close_channel
from leveret_broker.rabbitmq.failure import translated
from leveret_broker.rabbitmq.wire import closing_of

END_SECONDS: Final = 0.5
"""How long the next record may take before the end of the stream is assumed: only costs a needless record."""
PREFETCH: Final = 100


class MailboxRecord(msgspec.Struct, frozen=True, array_like=True, tag="mailboxes"):
    """Somebody proposes how many mailbox queues a kind has."""

    kind: str
    count: int
    id: str
    """Tells the proposer that the stream has been read up to here."""


class NamespaceRecord:
    """Reads the stream from its beginning and appends to it."""

    def __init__(self, publishing: Connection, consuming: Connection, stream: str) -> None:
        self._publishing = publishing
        self._consuming = consuming
        self._stream = stream
        self._counts: dict[str, int] = {}
        self._lock = asyncio.Lock()

    async def mailbox_count(self, kind: str, proposed: int) -> int:
        """Return the count of the first record for `kind`, after appending one if there seems to be none."""
        if kind in self._counts:
            return self._counts[kind]
        async with self._lock:
            if kind not in self._counts:
                try:
                    async with asyncio.timeout(ANSWER_SECONDS):
                        await self._settle(kind, proposed)
                except TimeoutError:
                    raise BrokerUnavailable(f"the stream {self._stream} did not answer in time") from None
        return self._counts[kind]

    async def _settle(self, kind: str, proposed: int) -> None:
        """Read to the end; if nobody has spoken, append a record and read until it comes by: an earlier one wins."""
        reader = Reader()
        channel = await self._consuming.channel()
        try:
            with translated(f"reading the stream {self._stream}"):
                arguments: ArgumentsType = {"x-queue-type": "stream"}
                declared = await answered(channel.queue_declare(self._stream, durable=True, arguments=arguments))
                await answered(channel.basic_qos(prefetch_count=PREFETCH))
                first: ArgumentsType = {"x-stream-offset": "first"}
                await answered(channel.basic_consume(self._stream, reader.on_message, arguments=first))
            expected = cast("int", declared.message_count) or 0
            found = await self._read(reader, channel, kind, "", expected)
            if not found:
                mine = secrets.token_hex(8)
                await self._append(MailboxRecord(kind, proposed, mine))
                await self._read(reader, channel, kind, mine, 0)
        finally:
            await close_channel(channel)

    async def _read(self, reader: Reader, channel: AbstractChannel, kind: str, mine: str, expected: int) -> bool:
        """Read until `kind` is settled, or until the end: record `mine`; without one, `expected` records or silence."""
        while kind not in self._counts:
            if not mine and reader.seen >= expected:
                return False
            try:
                async with asyncio.timeout(None if mine else END_SECONDS):
                    tag, record = await reader.next(channel)
            except TimeoutError:
                return False
            if record is not None:
                self._counts.setdefault(record.kind, record.count)
            with translated(f"reading the stream {self._stream}"):
                await channel.basic_ack(tag, wait=False)
        return True

    async def _append(self, record: MailboxRecord) -> None:
        channel = await self._publishing.channel(confirms=True)
        try:
            with translated(f"appending to the stream {self._stream}"):
                properties = commands.Basic.Properties(delivery_mode=2, message_id=record.id)
                body = msgspec.msgpack.encode(record)
                await answered(
                    channel.basic_publish(body, routing_key=self._stream, mandatory=True, properties=properties)
                )
        finally:
            await close_channel(channel)


class Reader:
    """Keeps what the broker sends from the stream."""

    def __init__(self) -> None:
        self.seen = 0
        """Records handed on."""
        self._records: asyncio.Queue[tuple[int, bytes]] = asyncio.Queue()

    async def on_message(self, message: DeliveredMessage) -> None:
        """Keep a record."""
        assert message.delivery_tag is not None
        self._records.put_nowait((message.delivery_tag, message.body))

    async def next(self, channel: AbstractChannel) -> tuple[int, MailboxRecord | None]:
        """Return the next record, None for one that is not ours."""
        closing = closing_of(channel)
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
