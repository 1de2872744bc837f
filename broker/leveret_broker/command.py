"""Commands as they come from outside: JSON with a routing key and headers, nothing of it checked yet."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from leveret_broker.errors import DecodeError

JUDGED_AGAIN: Final = "leveret-judged-again"
"""The header of one that was a dead letter: it makes another one of it, should it be refused again."""


class RawCommand(msgspec.Struct, frozen=True, array_like=True, tag="command"):
    """A message of the exchange `<ns>.commands`."""

    routing_key: str
    body: bytes
    headers: dict[str, Any] = {}
    """Plain data. The AMQP properties are among them, by their own names: `message_id`, `reply_to`, ..."""
    size: int = 0
    """Bytes that the body had when only its beginning is here; else 0."""

    def text(self, header: str) -> str:
        """Return a header that is a text; empty for any other."""
        value = self.headers.get(header)
        return value if isinstance(value, str) else ""


def body_limit(payload_limit: int) -> int:
    """Return how many bytes the JSON of a command may have: text takes more than the payload it becomes."""
    return 2 * payload_limit + 64 * 1024


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(RawCommand)


def encode_command(command: RawCommand) -> bytes:
    """Return the bytes that carry a command where there is no AMQP."""
    return _encoder.encode(command)


def decode_command(data: bytes) -> RawCommand:
    """Return the command in `data`; raises `DecodeError` for anything else."""
    try:
        return _decoder.decode(data)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        text = f"not a command: {error}"
        raise DecodeError(text) from error
