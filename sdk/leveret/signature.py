"""Signatures of methods and tasks: arguments to payloads and back, checked against the annotations."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_type_hints

from leveret.errors import ArgumentMismatch
from leveret_broker.codec import Codec, Payload
from leveret_broker.errors import DecodeError, EncodeError, PayloadTooLarge


@dataclass(frozen=True, slots=True)
class MethodSignature:
    """Parameters (without `self`) and result of one method."""

    name: str
    """`Hotel.book`, for messages."""
    signature: inspect.Signature
    types: Mapping[str, Any]
    """Type expression per parameter; `Any` where there is no annotation."""
    result: Any

    @classmethod
    def of(cls, name: str, function: Callable[..., Any]) -> MethodSignature:
        """Read the signature of a function that takes `self`."""
        hints = get_type_hints(function, include_extras=True)
        parameters = list(inspect.signature(function).parameters.values())[1:]
        signature = inspect.Signature(parameters)
        types = {p.name: hints.get(p.name, Any) for p in parameters}
        return cls(name, signature, types, hints.get("return", Any))

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
                codec.load(codec.dump(value), self._type(name))
            except PayloadTooLarge as error:
                text = f"{self.name}(): argument {name!r}: {error}"
                raise PayloadTooLarge(text) from error
            except (DecodeError, EncodeError) as error:
                text = f"{self.name}(): argument {name!r} does not fit {self._type(name)!r}: {error}"
                raise ArgumentMismatch(text) from error
        return codec.dump(bound.arguments)

    def load(self, codec: Codec, arguments: bytes) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Return positional and keyword arguments as the annotations say; raises `ArgumentMismatch`."""
        try:
            raw = codec.load(arguments, dict[str, Any])
            values = {name: codec.load(codec.dump(value), self._type(name)) for name, value in raw.items()}
            bound = inspect.BoundArguments(self.signature, values)  # type: ignore[arg-type]
            self.signature.bind(*bound.args, **bound.kwargs)
        except (DecodeError, EncodeError, TypeError) as error:
            text = f"{self.name}(): the arguments do not fit its signature: {error}"
            raise ArgumentMismatch(text) from error
        unknown = set(raw) - set(self.signature.parameters)
        if unknown:
            text = f"{self.name}(): unknown arguments {sorted(unknown)}"
            raise ArgumentMismatch(text)
        return bound.args, bound.kwargs

    def _type(self, name: str) -> Any:  # noqa: ANN401 - a type expression
        kind = self.types.get(name, Any)
        parameter = self.signature.parameters.get(name)
        if parameter is not None and parameter.kind is inspect.Parameter.VAR_POSITIONAL:
            return tuple[kind, ...]
        if parameter is not None and parameter.kind is inspect.Parameter.VAR_KEYWORD:
            return dict[str, kind]
        return kind
