"""What an instance says of itself, with the user's data in it readable again."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from leveret_broker.codec import Codec
from leveret_broker.envelope import Description
from leveret_broker.errors import DecodeError, PayloadLocked

_WRAPPED: Final = ("reason", "properties", "failure")
_WRAPPED_IN: Final = {"methods": "reason", "retryable": "failure"}


def revealed(description: Description, codec: Codec) -> Description:
    """Return a description without its payload codec; what this process cannot read says so."""
    data = dict[str, Any](description.data)
    for name in _WRAPPED:
        if isinstance(data.get(name), bytes):
            data[name] = plain(data[name], codec)
    for name, inner in _WRAPPED_IN.items():
        if any(isinstance(one.get(inner), bytes) for one in data.get(name, ())):
            data[name] = [_of_one(one, inner, codec) for one in data[name]]
    return msgspec.structs.replace(description, data=data)


def plain(payload: bytes, codec: Codec) -> Any:
    """Return the value of a payload as plain data, or a text that says that this process cannot read it."""
    try:
        return codec.load(payload)
    except (DecodeError, PayloadLocked):
        number = payload[0] if payload else 0
        return f"({len(payload)} bytes, encoded by payload codec {number})" if number else f"({len(payload)} bytes)"


def _of_one(one: dict[str, Any], name: str, codec: Codec) -> dict[str, Any]:
    return {**one, name: plain(one[name], codec)} if isinstance(one.get(name), bytes) else one
