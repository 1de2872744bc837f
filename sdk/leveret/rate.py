"""How many tasks may begin in how much time."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta

from leveret_broker.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Rate:
    """At most `count` attempts in `per` seconds, over all nodes; a token bucket that `burst` attempts empty.

    In any span of `t` seconds at most `burst + t * count / per` attempts begin.
    """

    count: float
    per: float | timedelta = 1.0
    """Seconds."""
    burst: int = 0
    """Most attempts that may begin at once after a quiet time; 0: what comes in a tenth of a second, 1 at least."""

    def __post_init__(self) -> None:
        """Check the numbers; raises `ConfigurationError`."""
        seconds = self.per.total_seconds() if isinstance(self.per, timedelta) else self.per
        if not (0 < self.count < math.inf and 0 < seconds < math.inf and self.burst >= 0):
            raise ConfigurationError(f"{self!r}: count and per must be > 0, burst ≥ 0")

    @property
    def per_second(self) -> float:
        """Attempts per second."""
        return self.count / (self.per.total_seconds() if isinstance(self.per, timedelta) else self.per)

    @property
    def most(self) -> int:
        """How many attempts may begin at once."""
        return self.burst or max(1, math.floor(self.per_second / 10))


def rate_of(rate: float | Rate | None) -> Rate | None:
    """Return a rate; a number is so many a second. Raises `ConfigurationError`."""
    if isinstance(rate, int | float):
        return Rate(rate)
    return rate
