"""The words for outcomes."""

from __future__ import annotations

from leveret_broker.outcome import Cancelled, Completed, Failed, Outcome, TimedOut


def status_of(outcome: Outcome) -> str:
    """Return the status that something with this outcome has."""
    match outcome:
        case Completed():
            return "completed"
        case Failed():
            return "failed"
        case TimedOut():
            return "timed_out"
        case Cancelled():
            return "cancelled"
        case _:
            return "unknown"
