"""Parcels: many bodies in one AMQP message for one mailbox queue."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from leveret_broker.errors import DecodeError

MAX_BODIES: Final = 100
MAX_BYTES: Final = 256 * 1024
"""A parcel is closed at either; a larger body travels alone."""

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(tuple[bytes, ...])


def pack(bodies: Sequence[bytes]) -> bytes:
    """Return the bytes of a parcel."""
    return _encoder.encode(bodies)


def unpack(data: bytes) -> tuple[bytes, ...]:
    """Return the bodies of a parcel; raises `DecodeError`. Each body is decoded alone, by the receiver."""
    try:
        return _decoder.decode(data)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        text = f"not a parcel: {error}"
        raise DecodeError(text) from error


def fits(count: int, size: int, body: bytes) -> bool:
    """Tell whether `body` may join a parcel of `count` bodies and `size` bytes."""
    return count < MAX_BODIES and (count == 0 or size + len(body) <= MAX_BYTES)
