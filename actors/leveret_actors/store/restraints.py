"""Restraints: what a node may rely on about what holds services back, for all nodes of a namespace.

* A bucket of tokens is known by its name only; whoever draws says how fast it fills, and how many it holds. Nobody
  needs to make one: one that was never drawn from is full.
* Tokens that were drawn are gone, also when the answer was lost.
* A room is known by its name only, too; whoever enters says how many seats it has. A seat is taken for some seconds and
  is free again after them; who has one and enters again keeps it; each time a token is needed.
* A pause stays until somebody takes it off.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Final

import msgspec

GRAIN: Final = 1e-6
"""Part of a token that may lack: clocks and numbers are not finer."""


class Draw(msgspec.Struct, frozen=True):
    """Tokens that somebody wants."""

    bucket: str
    count: int
    rate: float
    """Tokens that come in a second."""
    most: int
    """Tokens that it holds when it is full."""


class Drawn(msgspec.Struct, frozen=True):
    """What came of it."""

    count: int
    """Tokens that were there, at most those wanted."""
    wait: float
    """Seconds until there is one more; 0 when all were there."""


class Entry(msgspec.Struct, frozen=True):
    """A place that somebody wants among those that have a key in common."""

    room: str
    seat: str
    """Names who enters."""
    seats: int
    """Most that are inside at once; 0 is no limit."""
    rate: float = 0.0
    """Most that enter in a second; 0 is no limit."""
    most: int = 0
    """Most that enter at once after a quiet time, where there is a rate."""


class Seat(msgspec.Struct, frozen=True):
    """A place that somebody has."""

    room: str
    seat: str


class Entered(msgspec.Struct, frozen=True):
    """What came of it."""

    inside: bool
    wait: float = 0.0
    """Seconds until there is a token; 0 where a seat is wanting, which nobody knows of."""


class RestraintStore(ABC):
    """The part of the store that holds services back."""

    @abstractmethod
    async def draw(self, draws: Sequence[Draw]) -> list[Drawn]:
        """Take tokens out of buckets, by the store's clock, in one trip; at most one draw for each bucket."""

    @abstractmethod
    async def enter(self, entries: Sequence[Entry], leaving: Sequence[Seat], seconds: float) -> list[Entered]:
        """Give seats up, then take seats for so long, and a token each, where both are to be had; in one trip."""

    @abstractmethod
    async def stay(self, seats: Sequence[Seat], seconds: float) -> None:
        """Keep seats for so long from now on, whoever has taken them for free meanwhile."""

    @abstractmethod
    async def pause(self, service: str, *, paused: bool) -> bool:
        """Pause a service, or have it go on; tell whether that changed anything."""

    @abstractmethod
    async def paused(self) -> set[str]:
        """Return the services that are paused."""


def bucket_of(room: str) -> str:
    """Return the bucket of the tokens for a room."""
    return f"key:{room}"


def token(entry: Entry) -> Draw:
    """Return the draw of who enters."""
    return Draw(bucket_of(entry.room), 1, entry.rate, entry.most)


def drawn(empty_until: float, clock: float, draw: Draw) -> tuple[float, Drawn]:
    """Decide what a draw gives: a bucket is the time at which it will be full again.

    Returns that time afterwards, too. A time too far ahead, of another rate or another clock, counts as just empty.
    """
    interval = 1.0 / draw.rate
    full = min(max(empty_until, clock), clock + draw.most * interval)
    room = (clock - full) / interval + draw.most
    count = min(draw.count, math.floor(room + GRAIN))
    wait = 0.0 if count == draw.count else max(0.0, (count + 1 - room) * interval)
    return full + count * interval, Drawn(count, wait)
