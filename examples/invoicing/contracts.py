"""The services, as the workflow sees them; their implementations may live in other processes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from leveret import service


@dataclass(frozen=True)
class Invoice:
    number: str
    customer: str
    begin: datetime
    end: datetime
    amount: int
    """In cents."""


class CardRefused(Exception):
    """Raised by the bank, which will not change its mind: never retried."""


@service.define(name="Metrics")
class Metrics(Protocol):
    async def used(self, customer: str, begin: datetime, end: datetime) -> int:
        """Return what a customer has used in that time, in cents."""
        ...


@service.define(name="Bank")
class Bank(Protocol):
    async def charge(self, card: str, invoice: Invoice) -> str:
        """Take the money and return a reference; raises `CardRefused`."""
        ...


@service.define(name="Mail")
class Mail(Protocol):
    async def receipt(self, invoice: Invoice, reference: str) -> None: ...
    async def card_refused(self, invoice: Invoice) -> None: ...
