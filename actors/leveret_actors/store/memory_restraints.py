"""Restraints in memory: what all memory stores of one name share of them, and the part of the store about them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import TypeVar

from leveret_actors.store.restraints import Draw, Drawn, Entered, Entry, RestraintStore, Seat, drawn, token

T = TypeVar("T")


class RestraintTable:
    """Buckets, and who is paused."""

    def __init__(self) -> None:
        self.buckets: dict[str, float] = {}
        """When each is full again."""
        self.rooms: dict[str, dict[str, float]] = {}
        """Until when each seat is taken."""
        self.paused: set[str] = set()

    def draw(self, draw: Draw, clock: float) -> Drawn:
        """Take tokens."""
        self.buckets[draw.bucket], found = drawn(self.buckets.get(draw.bucket, 0.0), clock, draw)
        return found

    def enter(self, entry: Entry, clock: float, seconds: float) -> Entered:
        """Take a seat and a token."""
        room = {seat: until for seat, until in self.rooms.get(entry.room, {}).items() if until > clock}
        if entry.seats and len(room) >= entry.seats and entry.seat not in room:
            return Entered(inside=False)
        if entry.rate and not (found := self.draw(token(entry), clock)).count:
            return Entered(inside=False, wait=found.wait)
        if entry.seats:
            self.rooms[entry.room] = room | {entry.seat: clock + seconds}
        return Entered(inside=True)

    def leave(self, seat: Seat) -> None:
        """Give a seat up."""
        room = self.rooms.get(seat.room, {})
        room.pop(seat.seat, None)
        if not room:
            self.rooms.pop(seat.room, None)

    def stay(self, seat: Seat, until: float) -> None:
        """Keep a seat."""
        self.rooms.setdefault(seat.room, {})[seat.seat] = until

    def forget_full(self, clock: float) -> None:
        """Drop buckets that are full: one that is not there is full as well."""
        self.buckets = {name: full for name, full in self.buckets.items() if full > clock}

    def pause(self, service: str, *, paused: bool) -> bool:
        """Pause a service, or take that back."""
        changed = (service in self.paused) is not paused
        (self.paused.add if paused else self.paused.discard)(service)
        return changed


class MemoryRestraints(RestraintStore, ABC):
    """The part of the memory store that holds services back."""

    _clock: Callable[[], float]

    @property
    @abstractmethod
    def _restraints(self) -> RestraintTable: ...

    @abstractmethod
    async def _effect(self, name: str, effect: Callable[[], T]) -> T: ...

    async def draw(self, draws: Sequence[Draw]) -> list[Drawn]:
        """Take tokens; see `RestraintStore`."""

        def effect() -> list[Drawn]:
            clock = self._clock()
            self._restraints.forget_full(clock)
            return [self._restraints.draw(draw, clock) for draw in draws]

        return await self._effect("draw", effect)

    async def enter(self, entries: Sequence[Entry], leaving: Sequence[Seat], seconds: float) -> list[Entered]:
        """Give up and take seats; see `RestraintStore`."""

        def effect() -> list[Entered]:
            clock = self._clock()
            for seat in leaving:
                self._restraints.leave(seat)
            return [self._restraints.enter(entry, clock, seconds) for entry in entries]

        return await self._effect("enter", effect)

    async def stay(self, seats: Sequence[Seat], seconds: float) -> None:
        """Keep seats; see `RestraintStore`."""

        def effect() -> None:
            until = self._clock() + seconds
            for seat in seats:
                self._restraints.stay(seat, until)

        await self._effect("stay", effect)

    async def pause(self, service: str, *, paused: bool) -> bool:
        """Pause a service, or have it go on."""
        return await self._effect("pause", lambda: self._restraints.pause(service, paused=paused))

    async def paused(self) -> set[str]:
        """Return who is paused."""
        return await self._effect("paused", lambda: set(self._restraints.paused))
