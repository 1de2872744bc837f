"""Values to payload bytes and back: msgpack by msgspec, one leading byte for the payload codec that wrapped it.

User types are everything msgspec knows (dataclass, Struct, TypedDict, Enum, attrs, datetime, UUID, Decimal, set, …),
pydantic models, and types with a hook added by `register_type`.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import lru_cache
from typing import Any, Final, NewType, TypeVar

import msgspec

from leveret_broker.errors import ConfigurationError, DecodeError, EncodeError, PayloadLocked, PayloadTooLarge
from leveret_broker.payload_codec import PayloadCodecs, Wrapping

Payload = NewType("Payload", bytes)
"""An encoded value: one codec byte, then what that codec made of the msgpack bytes."""

PAYLOAD_LIMIT: Final = 1024 * 1024
"""Bytes of one payload before it is refused at the caller, unless configured otherwise."""

T = TypeVar("T")

_hooks: dict[type, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {}


def register_type(kind: type[T], encode: Callable[[T], Any], decode: Callable[[Any], T]) -> None:
    """Teach the codec a type of yours: `encode` gives plain data, `decode` takes it back. Call it at import."""
    _hooks[kind] = (encode, decode)
    _decoder.cache_clear()


def is_registered(kind: type) -> bool:
    """Tell whether `register_type` was called for this very type."""
    return kind in _hooks


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


def check_type(kind: Any) -> None:
    """Raise `ConfigurationError` for a union of types whose encoded values cannot be told apart."""
    try:
        Codec.decoder(kind)
    except TypeError as error:
        if not str(error).startswith("Type unions"):
            return  # it says so where a value of it comes by
        text = (
            f"{error}: nothing in an encoded value would say which of them it is. Use msgspec.Struct classes with "
            "`tag=True`, one pydantic model with a discriminated field, or one class of your own with register_type()"
        )
        raise ConfigurationError(text) from error


def plain_data(value: object) -> Any:
    """Return a value as its JSON would be read: mappings, lists, texts, numbers, True, False, None.

    Raises `EncodeError` for a value that has no encoding.
    """
    try:
        return msgspec.to_builtins(value, str_keys=True, enc_hook=_enc_hook)
    except Exception as error:
        raise EncodeError(str(error)) from error


def make_codec(given: Codec | PayloadCodecs, limit: int) -> Codec:
    """Return the codec that clients and nodes are given, or one with these payload codecs and this limit."""
    return given if isinstance(given, Codec) else Codec(given, limit=limit)


class Codec:
    """Turns values into payloads and back; one per process, given to client and node."""

    def __init__(self, payload_codec: PayloadCodecs = None, *, limit: int = PAYLOAD_LIMIT) -> None:
        """Wrap what is written from now on with the first payload codec; read what any of them or none wrote."""
        self._wrapping = Wrapping(payload_codec)
        self.wraps = self._wrapping.writes
        """What is written is wrapped by a payload codec."""
        self._limit = limit
        self._on_locked: Callable[[str], object] | None = None
        self._around: Callable[[], AbstractContextManager[object]] = nullcontext

    @property
    def limit(self) -> int:
        """Most bytes of one payload."""
        return self._limit

    def telling(
        self, on_locked: Callable[[str], object], around: Callable[[], AbstractContextManager[object]]
    ) -> Codec:
        """Return the same, for code that may swallow `PayloadLocked`, and must not do what payload codecs may.

        `on_locked` is told of each, `around` is entered around the payload codecs.
        """
        other = Codec(limit=self._limit)
        other._wrapping, other.wraps = self._wrapping, self.wraps
        other._on_locked, other._around = on_locked, around
        return other

    def check(self, value: object, kind: Any = None) -> None:
        """See that a value has an encoding, and decodes as a `kind` unless that is None.

        Raises `EncodeError`, `DecodeError`, and `PayloadTooLarge` as far as no payload codec changes the size.
        """
        data = self._encoded(value)
        if not self.wraps:
            self._measure(len(data) + 1)
        if kind is not None:
            self.load_part(data, kind)

    def dump(self, value: object, kind: Any = None) -> Payload:
        """Return the payload of `value`, which must decode as a `kind` unless that is None.

        Raises as `check` does, `PayloadTooLarge` over the limit, and `PayloadLocked`.
        """
        data = self._encoded(value)
        payload = self._told(self._wrapping.wrap, data) if self.wraps else b"\0" + data
        self._measure(len(payload))
        if kind is not None:
            self.load_part(data, kind)
        return Payload(payload)

    def load(self, payload: bytes, kind: Any = Any) -> Any:
        """Return the value of `payload` as a `kind`; raises `DecodeError`, and `PayloadLocked`."""
        return self.load_part(self._unwrap(payload), kind)

    def load_part(self, part: bytes | msgspec.Raw, kind: Any) -> Any:
        """Return the value of a part of a payload that was loaded with `msgspec.Raw` there; raises `DecodeError`."""
        try:
            return self.decoder(kind).decode(part)
        except Exception as error:
            raise DecodeError(str(error)) from error

    @staticmethod
    def convert(value: object, kind: Any) -> Any:
        """Return plain data, as read from JSON, as a `kind`; raises `DecodeError`."""
        try:
            return msgspec.convert(value, kind, str_keys=True, dec_hook=_dec_hook)
        except Exception as error:
            raise DecodeError(str(error)) from error

    def unwrap(self, payload: bytes) -> Payload:
        """Return the same value without its payload codec; raises `DecodeError`, and `PayloadLocked`."""
        return Payload(b"\0" + self._unwrap(payload))

    def detail(self, error: Exception) -> str:
        """Return what an error says of a value, for a text that no payload codec wraps."""
        return "(not said here, for it may quote the value)" if self.wraps else str(error)

    @staticmethod
    def decoder(kind: Any) -> msgspec.msgpack.Decoder[Any]:
        """Return what decodes a `kind`; raises `TypeError` for a type expression that cannot be decoded."""
        try:
            return _decoder(kind)
        except TypeError as error:  # an unhashable type expression, or one msgspec refuses
            if "unhashable" in str(error):
                return msgspec.msgpack.Decoder(kind, dec_hook=_dec_hook)
            raise

    def _encoded(self, value: object) -> bytes:
        try:
            return _encoder.encode(value)
        except Exception as error:
            raise EncodeError(str(error)) from error

    def _measure(self, size: int) -> None:
        if size > self._limit:
            text = f"the encoded value has {size} bytes, the limit is {self._limit}: pass a reference instead"
            raise PayloadTooLarge(text)

    def _unwrap(self, payload: bytes) -> bytes:
        if not payload:
            text = "an empty payload"
            raise DecodeError(text)
        return self._told(self._wrapping.unwrap, payload) if payload[0] else payload[1:]

    def _told(self, work: Callable[[bytes], bytes], data: bytes) -> bytes:
        try:
            with self._around():
                return work(data)
        except PayloadLocked as locked:
            if self._on_locked is not None:
                self._on_locked(str(locked))
            raise
