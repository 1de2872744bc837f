"""What travels between travelers, hosts, the process and its services."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from leveret import service


@dataclass(frozen=True)
class Request:
    traveler: str
    card: str
    amount: int
    """The deposit, in cents."""
    hosts: list[str]
    """In the order in which they are to be asked."""


@dataclass(frozen=True)
class Answer:
    host: str
    accepts: bool


class State(StrEnum):
    BOOKED = "booked"
    NO_HOST = "no host"
    NO_DEPOSIT = "no deposit"


@dataclass(frozen=True)
class Outcome:
    state: State
    host: str = ""
    deposit: str = ""


class CardRefused(Exception):
    """Raised by the bank, which will not change its mind: never retried."""


@service.define(name="Messages")
class Messages(Protocol):
    async def send(self, to: str, text: str) -> None: ...


@service.define(name="Deposits")
class Deposits(Protocol):
    async def hold(self, card: str, amount: int) -> str:
        """Return a reference; raises `CardRefused`."""
        ...
