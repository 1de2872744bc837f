"""What must not get into a commit, because a store, a broker or a reader would choke on it and take others along."""

from __future__ import annotations

import math
from typing import Final

from leveret.errors import ArgumentMismatch
from leveret.runtime import TaskCall

FIRST: Final = 1e-3
"""Earliest due time: 0 means none."""
LAST: Final = 253_402_300_799.0
"""Latest due time: the end of the year 9999."""
REASON_LIMIT: Final = 4000
"""Characters of a reason; the failure itself has more."""


def due_time(at: float) -> float:
    """Return a time at which a durable timer can be set; raises `ValueError` for what is no time."""
    if math.isnan(at):
        raise ValueError("a timer cannot be set for nan")
    return min(max(at, FIRST), LAST)


def check_labels(call: TaskCall) -> None:
    """Raise `ArgumentMismatch` for tags or meta of a task that are no texts."""
    for label in (*call.tags, *call.meta, *call.meta.values()):
        thing: object = label
        if not isinstance(thing, str) or readable(thing) != thing:
            raise ArgumentMismatch(f"{call.service}.{call.name}: tags and meta must be texts, not {thing!r}")


def readable(text: str) -> str:
    """Return a text that can be encoded."""
    return text.encode("utf-8", "backslashreplace").decode()
