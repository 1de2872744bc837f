"""Retry policies of tasks."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from leveret_broker.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class RetryDetails:
    """What a policy is asked about: one failed attempt."""

    service: str
    task: str
    task_id: str
    attempt: int
    """The one that failed; counts from 1."""
    error: BaseException


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
    ignore: tuple[type[BaseException], ...] = ()
    """Exceptions (and their subclasses) that are never retried."""

    def __post_init__(self) -> None:
        """Check the numbers; raises `ConfigurationError`."""
        if _seconds(self.initial) < 0 or _seconds(self.maximum) < 0 or self.factor < 1 or self.attempts < 0:
            text = f"{self!r}: initial and maximum must be ≥ 0, factor ≥ 1, attempts ≥ 0"
            raise ConfigurationError(text)
        if not 0 <= self.jitter <= 1:
            text = f"{self!r}: jitter must be between 0 and 1"
            raise ConfigurationError(text)

    def __call__(self, details: RetryDetails) -> float | None:
        """Return the seconds until the next attempt, or None to give up."""
        if isinstance(details.error, self.ignore) or (self.attempts and details.attempt >= self.attempts):
            return None
        exponent = min(details.attempt - 1, 1000)
        try:
            delay = _seconds(self.initial) * self.factor**exponent
        except OverflowError:
            delay = _seconds(self.maximum)
        delay = min(delay, _seconds(self.maximum))
        return delay * (1 - self.jitter * random.random())


def _seconds(value: float | timedelta) -> float:
    return value.total_seconds() if isinstance(value, timedelta) else value
