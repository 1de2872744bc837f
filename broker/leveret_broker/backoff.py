"""How long to wait before trying again: exponential, jittered, the same everywhere."""

from __future__ import annotations

import random
from typing import Protocol


class Jitter(Protocol):
    """The one method of `random.Random` that spreading needs; simulations inject their own."""

    def random(self) -> float:
        """Return a number from 0 to below 1."""
        ...


class Backoff:
    """Seconds to wait, twice as long each time up to `maximum`, drawn from the upper half of each."""

    def __init__(self, initial: float = 0.2, maximum: float = 10.0, jitter: Jitter | None = None) -> None:
        """Begin with about `initial` seconds."""
        self._initial = initial
        self._maximum = maximum
        self._jitter: Jitter = jitter or random.Random()  # noqa: S311 - spreads load, keeps no secret
        self._tries = 0

    def next(self) -> float:
        """Return the next pause."""
        pause = min(self._maximum, self._initial * 2 ** min(self._tries, 30))
        self._tries += 1
        return pause * (0.5 + self._jitter.random() / 2)

    def reset(self) -> None:
        """Begin again after something worked."""
        self._tries = 0
