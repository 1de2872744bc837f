"""Messages that others read or write: commands as they come and go, their dead letters, and replies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, cast

import msgspec

from leveret_broker.address import COMMANDS
from leveret_broker.command import JUDGED_AGAIN, RawCommand, encode_command
from leveret_broker.rabbitmq.consumer import Arrived, Read
from leveret_broker.rabbitmq.inlet import Message
from leveret_broker.transport import Delivery

COMMAND_PREFETCH: Final = 1000
"""Unacknowledged commands of the router."""
HEADERS_LIMIT: Final = 100 * 1024
"""Bytes of the headers that count; the rest of a frame is for the reason of a dead letter."""
KEPT_OF_TOO_LARGE: Final = 1024
"""Bytes kept of a body over the limit, for who looks at the dead letter."""

_PROPERTIES: Final = ("message_id", "correlation_id", "reply_to", "content_type", "content_encoding")
_TARGETS: Final = ("id", "tag", "tags", "unique_tag", JUDGED_AGAIN)
_ROUTING_KEY: Final = "leveret-routing-key"
_SIZE: Final = "leveret-size"


def command_reader(limit: int) -> Read:
    """Return the reader of the commands' queue."""

    def read(message: Message) -> Arrived:
        command = command_of(message, message.routing_key, limit)
        return Arrived(Delivery(message.tag, (encode_command(command),), message.redelivered))

    return read


def command_of(message: Message, routing_key: str, limit: int) -> RawCommand:
    """Return a message as a command; of one that is too large, the beginning."""
    headers = _headers(message)
    size = len(message.body)
    weight = len(msgspec.msgpack.encode(headers))
    if size <= limit and weight <= HEADERS_LIMIT:
        return RawCommand(routing_key, message.body, headers)
    headers = {name: headers[name] for name in _PROPERTIES if name in headers and len(str(headers[name])) <= 255}
    return RawCommand(routing_key, message.body[:KEPT_OF_TOO_LARGE], headers, max(size, weight))


def dead_command(command: RawCommand) -> dict[str, Any]:
    """Return the headers that tell a dead letter's reader what the command was, beside its body."""
    headers = {**command.headers, _ROUTING_KEY: command.routing_key}
    return {**headers, _SIZE: command.size} if command.size else headers


def is_dead_command(source: str) -> bool:
    """Tell whether a dead letter was found among the commands."""
    return source == str(COMMANDS)


def buried_command(message: Message) -> RawCommand:
    """Return the command in a dead letter."""
    headers, size = _headers(message), message.headers.get(_SIZE)
    if "message_id" not in message.headers:
        headers.pop("message_id", None)
    routing_key = str(message.headers.get(_ROUTING_KEY, message.routing_key))
    return RawCommand(routing_key, message.body, headers, size if isinstance(size, int) else 0)


def _headers(message: Message) -> dict[str, Any]:
    """Return what counts of a message's properties and headers, as plain data; a header is stronger.

    Our own messages have their idempotency key in a header: by the property returned messages are known.
    """
    found: dict[str, Any] = {}
    for name in _PROPERTIES:
        value = getattr(message.properties, name, None)
        if value:
            found[name] = value
    found |= {name: _plain(message.headers[name]) for name in (*_PROPERTIES, *_TARGETS) if name in message.headers}
    return found


def _plain(value: object) -> Any:
    """Return a header's value; what JSON does not know as a text."""
    if isinstance(value, bytes | bytearray):
        return bytes(value).decode("utf-8", "replace")
    if isinstance(value, list | tuple):
        return [_plain(one) for one in cast("list[object]", value)]
    if isinstance(value, Mapping):
        return {str(name): _plain(one) for name, one in cast("Mapping[object, object]", value).items()}
    return value if isinstance(value, str | int | float | bool) or value is None else str(value)
