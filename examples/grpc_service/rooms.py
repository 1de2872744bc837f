"""Reserving rooms: the contract, and the messages that both services speak."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from leveret import service

RESERVE = "/hotel.Rooms/Reserve"
"""The method on the wire."""


@dataclass(frozen=True)
class Wish:
    """What a guest wants."""

    guest: str
    nights: int


@dataclass(frozen=True)
class Reservation:
    """What a guest gets."""

    room: int
    guest: str


class NoRoom(Exception):
    """The hotel is full; asking again does not help."""


@service.define(name="Rooms")
class Rooms(Protocol):
    """What callers know."""

    async def reserve(self, wish: Wish) -> Reservation:
        """Reserve a room; one, whatever happens on the way."""
        ...
