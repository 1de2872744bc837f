"""What must not get into a commit, because a store, a broker or a reader would choke on it and take others along."""

from __future__ import annotations

import math
from typing import Final

from leveret.calls import TaskCall
from leveret.labels import checked_meta, checked_priority, checked_tags
from leveret_broker.address import NORMAL

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
    """Raise `ArgumentMismatch` for labels that an interceptor has given a task and that cannot be sent."""
    if call.tags or call.meta or call.priority != NORMAL:
        name = f"{call.service}.{call.name}"
        checked_priority(name, call.priority)
        checked_tags(name, call.tags)
        checked_meta(name, call.meta)


def readable(text: str) -> str:
    """Return a text that can be encoded."""
    return text.encode("utf-8", "backslashreplace").decode()
