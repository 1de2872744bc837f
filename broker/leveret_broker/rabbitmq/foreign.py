"""What bridges read: messages of any kind, from exchanges and queues that others own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, cast

from aiormq.abc import AbstractChannel

from leveret_broker.command import RawCommand, encode_command
from leveret_broker.foreign import ForeignSource
from leveret_broker.rabbitmq.consumer import Arrived
from leveret_broker.rabbitmq.failure import NotThere, translated
from leveret_broker.rabbitmq.inlet import Message
from leveret_broker.rabbitmq.topology import Topology
from leveret_broker.transport import Delivery

PREFETCH: Final = 1000
LIMIT: Final = 4 * 1024 * 1024
"""Bytes of a body that are read; of a larger one only the beginning is kept, as a dead letter shows it."""
BEGINNING: Final = 64 * 1024
_PROPERTIES: Final = ("message_id", "correlation_id", "reply_to", "content_type", "content_encoding", "type", "app_id",
                      "user_id", "timestamp")  # fmt: skip


async def declare(channel: AbstractChannel, *, topology: Topology, source: ForeignSource) -> bool:
    """Declare and bind the queue of our own, if there is one; tell whether the queue is seen to stand.

    Raises `NotThere` for what others must have declared.
    """
    try:
        with translated(f"looking for the {source}"):
            if source.queue:
                await channel.queue_declare(source.queue, passive=True)
                return True
            await channel.exchange_declare(source.exchange, passive=True)
    except NotThere as error:
        text = f"{error}. Have whoever owns it declare it, or correct the name: the bridge tries again by itself"
        raise NotThere(text) from error
    name, stands = await topology.declare_bridge(channel, source.bridge)
    for key in source.keys:
        with translated(f"binding {name} to the {source}"):
            await channel.queue_bind(name, source.exchange, routing_key=key)
    return stands


def read_foreign(message: Message) -> Arrived:
    """Read a message of any kind: one body, that of a `RawCommand`."""
    headers = cast("dict[str, Any]", _plain(message.headers))
    for name in _PROPERTIES:
        value = getattr(message.properties, name, None)
        if value is not None and value != "":
            headers[name] = _plain(value)
    headers["exchange"] = message.exchange
    too_long = len(message.body) > LIMIT
    body = message.body[:BEGINNING] if too_long else message.body
    raw = RawCommand(message.routing_key, body, headers, len(message.body) if too_long else 0)
    return Arrived(Delivery(message.tag, (encode_command(raw),), message.redelivered))


def _plain(value: Any) -> Any:
    """Return an AMQP value as JSON would have it."""
    if isinstance(value, dict):
        return {str(name): _plain(part) for name, part in cast("Mapping[object, Any]", value).items()}
    if isinstance(value, list):
        return [_plain(part) for part in cast("Sequence[Any]", value)]
    if isinstance(value, bytes | bytearray):
        return bytes(value).decode("utf-8", "replace")
    if isinstance(value, datetime):
        return value.timestamp()
    return value if isinstance(value, str | int | float | bool | None) else str(value)
