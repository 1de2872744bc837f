"""What travels between client, workflow and services."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Trouble(StrEnum):
    """What a service does wrong with an order."""

    FAILS = "fails"
    """Twice, then it works."""
    STALLS = "stalls"
    """The first attempt hangs until its timeout."""
    REFUSES = "refuses"
    """For good."""


class Decision(StrEnum):
    """What an approver says."""

    YES = "yes"
    NO = "no"


@dataclass(frozen=True)
class Order:
    """One line of orders.jsonl."""

    id: str
    customer: str
    nights: int
    amount: int
    """In cents."""
    approval: str = ""
    """`yes`, `no`, `silent` (nobody ever answers), or empty: none is needed."""
    trouble: dict[str, Trouble] = field(default_factory=dict[str, Trouble])
    """By service: `hotel`, `car`, `payment`."""


@dataclass(frozen=True)
class Reservation:
    """What a service gave."""

    service: str
    order: str
    reference: str


@dataclass(frozen=True)
class Receipt:
    """How a booking ended."""

    order: str
    state: str
    """`completed` or `compensated`."""
    reason: str = ""
    reservations: tuple[Reservation, ...] = ()
