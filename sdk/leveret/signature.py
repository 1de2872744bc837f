"""Signatures of methods and tasks: arguments to payloads and back, checked against the annotations."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self, get_type_hints

import msgspec

from leveret.errors import ArgumentMismatch
from leveret_broker.codec import Codec, Payload, check_type
from leveret_broker.errors import ConfigurationError, DecodeError, EncodeError, PayloadTooLarge


@dataclass(frozen=True)
class MethodSignature:
    """Parameters (without `self`) and result of one method; annotations are resolved when first needed."""

    name: str
    """`Hotel.book`, for messages."""
    function: Callable[..., Any]

    @classmethod
    def of(cls, name: str, function: Callable[..., Any]) -> Self:
        """Read the signature of a function that takes `self`.

        Raises `ConfigurationError` for a type that cannot be decoded, as far as the annotations can be resolved yet.
        """
        signature = cls(name, function)
        signature._check()
        return signature

    def _check(self) -> None:
        try:
            kinds = {**{f"parameter {name!r}": kind for name, kind in self.types.items()}, "its result": self.result}
        except ConfigurationError:  # what they name comes later; it is said when it is needed
            return
        for what, kind in kinds.items():
            try:
                check_type(kind)
            except ConfigurationError as error:
                text = f"{self.name}(): {what}: {error}"
                raise ConfigurationError(text) from error

    @cached_property
    def signature(self) -> inspect.Signature:
        """Parameters without `self`."""
        return inspect.Signature(list(inspect.signature(self.function).parameters.values())[1:])

    @cached_property
    def types(self) -> Mapping[str, Any]:
        """Type expression per parameter; `Any` where there is no annotation. Raises `ConfigurationError`."""
        return {name: self._hints.get(name, Any) for name in self.signature.parameters}

    @property
    def result(self) -> Any:
        """Type expression of what it returns; `Any` where there is no annotation. Raises `ConfigurationError`."""
        return self._hints.get("return", Any)

    @cached_property
    def _hints(self) -> Mapping[str, Any]:
        try:
            return get_type_hints(self.function, include_extras=True)
        except (NameError, TypeError) as error:
            text = f"{self.name}(): its annotations cannot be resolved: {error}; define the types at module level"
            raise ConfigurationError(text) from error

    def dump(self, codec: Codec, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Payload:
        """Return the payload of a call's arguments: a mapping of parameter names to values.

        Raises `ArgumentMismatch` naming method and argument for one that is missing, too many or of another type.
        """
        try:
            bound = self.signature.bind(*args, **kwargs)
        except TypeError as error:
            text = f"{self.name}(): {error}"
            raise ArgumentMismatch(text) from None
        for name, value in bound.arguments.items():
            try:
                codec.check(value, self._type(name))
            except PayloadTooLarge as error:
                text = f"{self.name}(): argument {name!r}: {error}"
                raise PayloadTooLarge(text) from error
            except (DecodeError, EncodeError) as error:
                text = f"{self.name}(): argument {name!r} does not fit {spell(self._type(name))}: {error}"
                raise ArgumentMismatch(text) from error
        try:
            return codec.dump(bound.arguments)
        except PayloadTooLarge as error:
            text = f"{self.name}(): the arguments together: {error}"
            raise PayloadTooLarge(text) from error

    def load(self, codec: Codec, arguments: bytes) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Return positional and keyword arguments as the annotations say; raises `ArgumentMismatch`."""
        try:
            parts: dict[str, msgspec.Raw] = codec.load(arguments, dict[str, msgspec.Raw])
            unknown = set(parts) - set(self.signature.parameters)
            if unknown:
                text = f"{self.name}(): unknown arguments {sorted(unknown)}"
                raise ArgumentMismatch(text)
            values = {name: codec.load_part(part, self._type(name)) for name, part in parts.items()}
            bound = inspect.BoundArguments(self.signature, values)
            self.signature.bind(*bound.args, **bound.kwargs)
        except ArgumentMismatch:
            raise
        except (DecodeError, TypeError) as error:
            text = f"{self.name}(): the arguments do not fit its signature: {error}"
            raise ArgumentMismatch(text) from error
        return bound.args, bound.kwargs

    def convert(self, codec: Codec, arguments: Mapping[str, Any] | Sequence[Any]) -> Payload:
        """Return the payload of arguments that are plain data, as read from JSON: by name, or in order.

        Raises `ArgumentMismatch` naming method and argument, `PayloadTooLarge`.
        """
        try:
            if not isinstance(arguments, Mapping):
                arguments = self.signature.bind(*arguments).arguments
            unknown = set(arguments) - set(self.signature.parameters)
            if unknown:
                raise ArgumentMismatch(f"{self.name}(): unknown arguments {sorted(unknown)}")
            bound = inspect.BoundArguments(self.signature, dict(arguments))
            self.signature.bind(*bound.args, **bound.kwargs)
        except TypeError as error:
            raise ArgumentMismatch(f"{self.name}(): {error}") from None
        values = {name: self._converted(codec, name, value) for name, value in arguments.items()}
        return codec.dump(values)

    def _converted(self, codec: Codec, name: str, value: Any) -> Any:
        kind = self._type(name)
        try:
            return codec.convert(value, kind)
        except DecodeError as error:
            text = f"{self.name}(): argument {name!r} does not fit {spell(kind)}: {error}"
            raise ArgumentMismatch(text) from error

    def _type(self, name: str) -> Any:
        kind: Any = self.types.get(name, Any)
        parameter = self.signature.parameters.get(name)
        if parameter is not None and parameter.kind is inspect.Parameter.VAR_POSITIONAL:
            return tuple.__class_getitem__((kind, ...))
        if parameter is not None and parameter.kind is inspect.Parameter.VAR_KEYWORD:
            return dict.__class_getitem__((str, kind))
        return kind


def spell(kind: Any) -> str:
    """Return a type expression as it is written."""
    return kind.__qualname__ if isinstance(kind, type) else repr(kind)
