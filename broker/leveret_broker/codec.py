"""Values to payload bytes and back: msgpack by msgspec, one leading byte for the payload codec that wrapped it.

User types are everything msgspec knows (dataclass, Struct, TypedDict, Enum, attrs, datetime, UUID, Decimal, set, …),
pydantic models, and types with a hook added by `register_type`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final, NewType, Protocol, TypeVar

import msgspec

from leveret_broker.errors import DecodeError, EncodeError, PayloadTooLarge

Payload = NewType("Payload", bytes)
"""An encoded value: one codec byte, then what that codec made of the msgpack bytes."""

PAYLOAD_LIMIT: Final = 1024 * 1024
"""Bytes of one payload before it is refused at the caller, unless configured otherwise."""

T = TypeVar("T")


class PayloadCodec(Protocol):
    """Wraps user data at rest and in flight (compression, encryption); `id` 1 to 255 is stored with each payload."""

    id: int

    def encode(self, data: bytes) -> bytes:
        """Return the wrapped bytes."""
        ...

    def decode(self, data: bytes) -> bytes:
        """Return what `encode` was given; any exception becomes a DecodeError."""
        ...


_hooks: dict[type, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {}


def register_type(kind: type[T], encode: Callable[[T], Any], decode: Callable[[Any], T]) -> None:
    """Teach the codec a type of yours: `encode` gives plain data, `decode` takes it back. Call it at import."""
    _hooks[kind] = (encode, decode)
    _decoder.cache_clear()


def _enc_hook(value: Any) -> Any:
    for kind in type(value).__mro__:
        if kind in _hooks:
            return _hooks[kind][0](value)
    dump = getattr(value, "model_dump", None)
    if dump is not None:
        return dump(by_alias=True, round_trip=True)  # names that validation takes; nothing that is computed
    if isinstance(value, complex):
        return [value.real, value.imag]
    text = f"a value of type {type(value).__qualname__} cannot be encoded: use a dataclass, msgspec.Struct, attrs or "
    raise NotImplementedError(text + "pydantic class, or register_type()")


def _dec_hook(kind: type, value: Any) -> Any:
    if kind is object:  # says as little as Any, and linters ask for it
        return value
    hook = _hooks.get(kind)
    if hook is not None:
        return hook[1](value)
    validate = getattr(kind, "model_validate", None)
    if validate is not None:
        return validate(value)
    if kind is complex:
        return complex(*value)
    text = f"values of type {kind!r} cannot be decoded: use a dataclass, msgspec.Struct, attrs or pydantic class, or "
    raise NotImplementedError(text + "register_type()")


_encoder = msgspec.msgpack.Encoder(enc_hook=_enc_hook, decimal_format="string", uuid_format="canonical")


@lru_cache(maxsize=4096)
def _decoder(kind: Any) -> msgspec.msgpack.Decoder[Any]:
    return msgspec.msgpack.Decoder(kind, dec_hook=_dec_hook)


def plain_data(value: object) -> Any:
    """Return a value as its JSON would be read: mappings, lists, texts, numbers, True, False, None.

    Raises `EncodeError` for a value that has no encoding.
    """
    try:
        return msgspec.to_builtins(value, str_keys=True, enc_hook=_enc_hook)
    except Exception as error:
        raise EncodeError(str(error)) from error


class Codec:
    """Turns values into payloads and back; one per process, given to client and node."""

    def __init__(self, codec: PayloadCodec | None = None, *, limit: int = PAYLOAD_LIMIT) -> None:
        """Wrap with `codec` what is written from now on; read what any of `codec` or plain wrote."""
        self._codec = codec
        self._limit = limit

    def dump(self, value: object) -> Payload:
        """Return the payload of `value`.

        Raises `EncodeError` for a value that has no encoding, `PayloadTooLarge` over the limit.
        """
        try:
            data = _encoder.encode(value)
            data = b"\0" + data if self._codec is None else bytes((self._codec.id,)) + self._codec.encode(data)
        except Exception as error:
            raise EncodeError(str(error)) from error
        if len(data) > self._limit:
            text = f"the encoded value has {len(data)} bytes, the limit is {self._limit}: pass a reference instead"
            raise PayloadTooLarge(text)
        return Payload(data)

    def load(self, payload: bytes, kind: Any = Any) -> Any:
        """Return the value of `payload` as a `kind`; raises `DecodeError`."""
        try:
            return self._decoder(kind).decode(self._unwrap(payload))
        except DecodeError:
            raise
        except Exception as error:
            raise DecodeError(str(error)) from error

    def load_part(self, part: msgspec.Raw, kind: Any) -> Any:
        """Return the value of a part of a payload that was loaded with `msgspec.Raw` there; raises `DecodeError`."""
        try:
            return self._decoder(kind).decode(part)
        except Exception as error:
            raise DecodeError(str(error)) from error

    @staticmethod
    def _decoder(kind: Any) -> msgspec.msgpack.Decoder[Any]:
        try:
            return _decoder(kind)
        except TypeError as error:  # an unhashable type expression, or one msgspec refuses
            if "unhashable" in str(error):
                return msgspec.msgpack.Decoder(kind, dec_hook=_dec_hook)
            raise

    def _unwrap(self, payload: bytes) -> bytes:
        if not payload:
            text = "an empty payload"
            raise DecodeError(text)
        if payload[0] == 0:
            return payload[1:]
        if self._codec is None or self._codec.id != payload[0]:
            text = f"the payload was written with payload codec {payload[0]}, which this process does not have"
            raise DecodeError(text)
        return self._codec.decode(payload[1:])
