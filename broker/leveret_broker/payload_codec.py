"""Payload codecs: what wraps user data at rest and in flight, and how several are used at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol, TypeAlias, cast

from leveret_broker.errors import ConfigurationError, PayloadLocked

PLAIN: Final = 0
"""The id of what no codec has wrapped."""
HIGHEST: Final = 255


class PayloadCodec(Protocol):
    """Wraps user data (encryption, compression).

    Called from several threads. `encode` and `decode` may raise anything: what they were for is tried again later.
    """

    @property
    def id(self) -> int:
        """1 to 255, stored with each payload: never reuse it for another format."""
        ...

    def encode(self, data: bytes) -> bytes:
        """Return the wrapped bytes, or `data` itself to leave it as it is."""
        ...

    def decode(self, data: bytes) -> bytes:
        """Return what `encode` was given."""
        ...


PayloadCodecs: TypeAlias = PayloadCodec | Sequence[PayloadCodec] | None
"""One, or several: the first writes, all read."""


class Wrapping:
    """Puts payload codecs around encoded values, and takes them off; one leading byte says which."""

    def __init__(self, codecs: PayloadCodecs = None) -> None:
        """Take the codecs; raises `ConfigurationError` for what is none, and for an id that is there twice."""
        given = () if codecs is None else payload_codecs(codecs)
        self._codecs: dict[int, PayloadCodec] = {}
        for codec in given:
            if self._codecs.setdefault(codec.id, codec) is not codec:
                raise ConfigurationError(f"two payload codecs have the id {codec.id}: give each an id of its own")
        self._writer = given[0] if given else None

    @property
    def writes(self) -> bool:
        """Tell whether there is a codec that wraps what is written."""
        return self._writer is not None

    def wrap(self, data: bytes) -> bytes:
        """Return a payload; raises `PayloadLocked` when its codec cannot make it."""
        writer = self._writer
        if writer is None:
            return b"\0" + data
        try:
            wrapped = writer.encode(data)
            return b"\0" + data if wrapped is data else bytes((writer.id,)) + wrapped
        except Exception as error:
            text = f"payload codec {writer.id} cannot encode: {_said(error)}"
            raise PayloadLocked(text, writer.id) from error

    def unwrap(self, payload: bytes) -> bytes:
        """Return the encoded value of a payload, which is not empty; raises `PayloadLocked`."""
        number = payload[0]
        if number == PLAIN:
            return payload[1:]
        codec = self._codecs.get(number)
        if codec is None:
            there = ", ".join(map(str, self._codecs)) or "none"
            text = f"the payload was written with payload codec {number}, which this process does not have (it has "
            raise PayloadLocked(f"{text}{there}): give it to Client and Node as payload_codec", number)
        try:
            return codec.decode(payload[1:])
        except Exception as error:
            text = f"payload codec {number} cannot decode this payload, which another key may have written: "
            raise PayloadLocked(text + _said(error), number) from error


def payload_codecs(found: object) -> Sequence[PayloadCodec]:
    """Return one payload codec, or several, as a list; raises `ConfigurationError` for anything else."""
    given = cast("Sequence[object]", found) if isinstance(found, list | tuple) else [found]
    for codec in given:
        _check(codec)
    return cast("Sequence[PayloadCodec]", given)


def _said(error: Exception) -> str:
    """Return what a codec said; some, as for a wrong key, say nothing."""
    return f"{type(error).__name__}: {error}".rstrip(": ")


def _check(codec: object) -> None:
    number, called = getattr(codec, "id", None), [getattr(codec, name, None) for name in ("encode", "decode")]
    if isinstance(codec, type) or not isinstance(number, int) or not all(map(callable, called)):
        text = f"{codec!r} is no payload codec: it needs an `id`, `encode(bytes)` and `decode(bytes)`"
        raise ConfigurationError(text)
    if not PLAIN < number <= HIGHEST:
        raise ConfigurationError(f"the id of a payload codec is a number from 1 to {HIGHEST}, not {number}")
