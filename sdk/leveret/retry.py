"""Retry policies of tasks."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol, TypeAlias, cast

from leveret_broker.errors import ConfigurationError

ErrorKind: TypeAlias = type[BaseException] | str
"""Exceptions: a class, its name, or `module:Class`. Those derived from it are meant too."""


@dataclass(frozen=True, slots=True)
class RetryDetails:
    """What a policy is asked about: one failed attempt."""

    service: str
    task: str
    task_id: str
    attempt: int
    """The one that failed; counts from 1."""
    error: BaseException
    elapsed: float = 0.0
    """Seconds since the first attempt began, by the workers' clocks."""
    last_delay: float = 0.0
    """Seconds that the policy asked for before this attempt; 0 for the first one."""


class RetryPolicy(Protocol):
    """Decides what follows a failed attempt; a callable with this signature is a policy as well."""

    def __call__(self, details: RetryDetails) -> float | None:
        """Return the seconds until the next attempt, or None to give up."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """Exponential back-off with jitter: `initial * factor ** (attempt - 1)` seconds, at most `maximum`."""

    initial: float | timedelta = 1.0
    """Delay before the second attempt, in seconds."""
    factor: float = 2.0
    maximum: float | timedelta = 60.0
    """Longest delay, in seconds."""
    attempts: int = 8
    """Most attempts, the first included; 0 is without end."""
    jitter: float = 0.25
    """Each delay is drawn from `delay * (1 - jitter)` to `delay`."""
    ignore: tuple[ErrorKind, ...] = ()
    """Exceptions that are never retried, and what is derived from them: classes, names, or `module:Class`."""
    only: tuple[ErrorKind, ...] = ()
    """When given, no other exceptions are retried; `ignore` wins over it."""

    def __post_init__(self) -> None:
        """Check what was given; raises `ConfigurationError`."""
        if _seconds(self.initial) < 0 or _seconds(self.maximum) < 0 or self.factor < 1 or self.attempts < 0:
            text = f"{self!r}: initial and maximum must be ≥ 0, factor ≥ 1, attempts ≥ 0"
            raise ConfigurationError(text)
        if not 0 <= self.jitter <= 1:
            text = f"{self!r}: jitter must be between 0 and 1"
            raise ConfigurationError(text)
        for name, kinds in (("ignore", self.ignore), ("only", self.only)):
            _check_kinds(name, kinds)

    def __call__(self, details: RetryDetails) -> float | None:
        """Return the seconds until the next attempt, or None to give up."""
        if self.attempts and details.attempt >= self.attempts:
            return None
        if _is_one_of(details.error, self.ignore) or (self.only and not _is_one_of(details.error, self.only)):
            return None
        exponent = min(details.attempt - 1, 1000)
        try:
            delay = _seconds(self.initial) * self.factor**exponent
        except OverflowError:
            delay = _seconds(self.maximum)
        delay = min(delay, _seconds(self.maximum))
        return delay * (1 - self.jitter * random.random())


def _is_one_of(error: BaseException, kinds: tuple[ErrorKind, ...]) -> bool:
    return any(_is_a(error, kind) for kind in kinds)


def _is_a(error: BaseException, kind: ErrorKind) -> bool:
    if isinstance(kind, type):
        return isinstance(error, kind)
    module, _, name = kind.rpartition(":")
    return any(
        name in {one.__name__, one.__qualname__} and module in {"", one.__module__} for one in type(error).__mro__
    )


def _check_kinds(name: str, kinds: object) -> None:
    """Refuse what cannot name exceptions, a class without its comma above all."""
    if isinstance(kinds, tuple) and all(_is_kind(kind) for kind in cast("tuple[object, ...]", kinds)):
        return
    text = f"Retry({name}=...) takes a tuple of exception classes or of their names, not {kinds!r}"
    raise ConfigurationError(text)


def _is_kind(kind: object) -> bool:
    return (isinstance(kind, type) and issubclass(kind, BaseException)) or (isinstance(kind, str) and kind != "")


def _seconds(value: float | timedelta) -> float:
    return value.total_seconds() if isinstance(value, timedelta) else value
