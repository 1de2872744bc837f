"""Contracts: what a class says about its methods, whoever implements them."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from types import FunctionType
from typing import Any, Final, TypeAlias

from leveret_broker.errors import ConfigurationError

Duration: TypeAlias = float | timedelta
"""Seconds, or a timedelta."""

WORKFLOW: Final = "__leveret_workflow__"
"""What `@workflow.define` leaves on a class."""

_FOREIGN = frozenset({"builtins", "typing", "abc", "typing_extensions"})


def seconds(what: str, value: Duration | None) -> float:
    """Return a duration in seconds, 0 for None; raises `ConfigurationError` for one that is not positive."""
    if value is None:
        return 0.0
    number = _number(what, value)
    if not number > 0:
        text = f"{what} must be longer than 0 seconds, not {value!r}; leave it out for none"
        raise ConfigurationError(text)
    return number


def seconds_or_zero(what: str, value: Duration) -> float:
    """Return a duration in seconds; raises `ConfigurationError` for one that is negative or endless."""
    number = _number(what, value)
    if not 0 <= number < math.inf:
        text = f"{what} must be 0 seconds or longer, not {value!r}"
        raise ConfigurationError(text)
    return number


def _number(what: str, value: Duration) -> float:
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, int | float):  # pyright: ignore[reportUnnecessaryIsInstance]
        return float(value)
    raise ConfigurationError(f"{what} must be a timedelta, or a number of seconds, not {value!r}")


def is_protocol(cls: type[Any]) -> bool:
    """Tell whether this very class is a Protocol, not an implementation of one."""
    return bool(cls.__dict__.get("_is_protocol", False))


def check_decorated(decorator: str, target: object, kind: type | tuple[type, ...]) -> None:
    """Raise `ConfigurationError` when a decorator got something else than what it decorates, such as a name."""
    if not isinstance(target, kind):
        what = "a class" if kind is type else "a function"
        text = f"@{decorator} decorates {what}, not {target!r}; options are named: @{decorator}(name=...)"
        raise ConfigurationError(text)


def is_contract(cls: type[Any]) -> bool:
    """Tell whether a class only declares: a Protocol, or an ABC with abstract methods."""
    return is_protocol(cls) or inspect.isabstract(cls)


@dataclass(frozen=True, slots=True)
class Member:
    """A function of a class."""

    attribute: str
    owner: type[Any]
    """The class in the MRO that defines it."""
    function: Callable[..., Any]

    @property
    def is_async(self) -> bool:
        """True for `async def`."""
        return inspect.iscoroutinefunction(self.function)

    @property
    def is_implemented(self) -> bool:
        """False for a declaration: the body of a Protocol's method would just return None."""
        return not (is_protocol(self.owner) or getattr(self.function, "__isabstractmethod__", False))


def bases(cls: type[Any]) -> list[type[Any]]:
    """Return the classes that users wrote, the most derived first."""
    return [base for base in cls.__mro__ if base.__module__ not in _FOREIGN]


def members(cls: type[Any]) -> dict[str, Member]:
    """Return the public functions of a class, inherited ones included, in order of definition."""
    found: dict[str, Member] = {}
    for base in reversed(bases(cls)):
        for name, value in vars(base).items():
            if name.startswith("_"):
                continue
            if isinstance(value, FunctionType):
                found[name] = Member(name, base, value)
            else:
                found.pop(name, None)
    return found


def mark_of(cls: type[Any], attribute: str, mark: str) -> Any:
    """Return what a decorator left on a method, here or on what it overrides; None when there is nothing."""
    for base in bases(cls):
        value = getattr(vars(base).get(attribute), mark, None)
        if value is not None:
            return value
    return None
