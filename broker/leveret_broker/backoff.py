"""How long to wait before trying again: exponential, jittered, the same everywhere."""

from __future__ import annotations

import random


def pause(attempt: int, *, first: float, longest: float) -> float:
    """Return the seconds to wait after attempt 1, 2, …: doubled each time up to `longest`, up to half of it less."""
    return min(longest, first * 2.0 ** min(attempt - 1, 30)) * random.uniform(0.5, 1.0)
