"""How something dispatched ended."""

from __future__ import annotations

from typing import Final, TypeAlias

import msgspec

from leveret_broker.codec import Payload

DEAD_LETTERED: Final = "DeadLettered"
"""Type of the failure of a task that nobody could handle."""
NOT_SENT: Final = "NotSent"
"""Type of the failure of what the broker did not take."""


class Failure(msgspec.Struct, frozen=True, omit_defaults=True):
    """An exception as data: what is left of it on another machine."""

    type: str
    """Qualified name of the exception's class, without the module for builtins: `shop.errors.CardRefused`."""
    message: str
    traceback: str = ""
    """As Python prints it."""
    attributes: Payload | None = None
    """Payload of a mapping: the exception's public instance attributes, as far as they can be encoded."""
    cause: Failure | None = None
    where: dict[str, str] = {}
    """What failed: `service`, `task`, `task_id`, `worker`, `attempt`, `workflow`, `instance`, `method`, `reason`."""
    sealed: Payload | None = None
    """Payload of message and traceback where a payload codec wraps them; then these only say so."""


class Completed(msgspec.Struct, frozen=True, tag="ok", array_like=True):
    """It returned."""

    value: Payload


class Failed(msgspec.Struct, frozen=True, tag="failed", array_like=True):
    """It raised (a task: out of retries, or dead-lettered)."""

    failure: Failure


class TimedOut(msgspec.Struct, frozen=True, tag="timed_out", array_like=True):
    """Its contract or workflow timeout passed first."""

    seconds: float
    where: dict[str, str] = {}


class Cancelled(msgspec.Struct, frozen=True, tag="cancelled", array_like=True):
    """It was cancelled."""

    where: dict[str, str] = {}


class Unknown(msgspec.Struct, frozen=True, tag="unknown", array_like=True):
    """There is no such instance or run (any more)."""

    where: dict[str, str] = {}


Outcome: TypeAlias = Completed | Failed | TimedOut | Cancelled | Unknown


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
