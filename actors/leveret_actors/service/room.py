"""What a worker knows of one key: who is inside, who waits, and when the others shall come again."""

from __future__ import annotations

import random
from collections import deque
from typing import Final

from leveret.per_key import PerKey
from leveret.rate import rate_of
from leveret_actors.service.job import Job
from leveret_actors.store.restraints import Entry, Seat

SOONEST: Final = 1.0
LATEST: Final = 64.0
"""Seconds after which a task comes again that was given back because too many of its key waited: a rung each."""
GUESS: Final = 0.1
"""Seconds that a task takes before one has ended."""


class Room:
    """The tasks of one key, in one worker. Pure: times are given."""

    __slots__ = ("_behind", "_burst", "_per_second", "_seats", "_takes", "closed_until", "inside", "name", "waiting")

    def __init__(self, name: str, limits: PerKey) -> None:
        rate = rate_of(limits.rate)
        self.name = name
        self.waiting: deque[Job] = deque()
        self.inside = 0
        """Here, those included for whom the store is being asked."""
        self.closed_until = 0.0
        """The store had no place; when to ask again."""
        self._seats = limits.concurrency
        self._per_second = 0.0 if rate is None else rate.per_second
        self._burst = 0 if rate is None else rate.most
        self._takes = GUESS
        self._behind = 0.0
        """When the last one of those that were given back could begin, about."""

    @property
    def is_empty(self) -> bool:
        """True when there is nothing to remember but what may be forgotten."""
        return not (self.inside or self.waiting)

    @property
    def chances(self) -> int:
        """How many of those that wait to try when the room opens."""
        return max(1, self._seats - self.inside) if self._seats else max(1, self._burst)

    def is_open(self, now: float) -> bool:
        """Tell whether it may be of use to ask the store."""
        return now >= self.closed_until and (not self._seats or self.inside < self._seats)

    def entry(self, job: Job) -> Entry:
        """Return what to ask the store for."""
        return Entry(self.name, seat_of(job), self._seats, self._per_second, self._burst)

    def seat(self, job: Job) -> Seat | None:
        """Return what to give back, or to keep, if the store counts."""
        return Seat(self.name, seat_of(job)) if self._seats else None

    def left(self, seconds: float) -> None:
        """Note that one has left that was inside for so long; there is a place now."""
        self.inside -= 1
        self.closed_until = 0.0 if self._seats else self.closed_until
        self._takes += (seconds - self._takes) / 5

    def later(self, now: float) -> float:
        """Return after how many seconds one more shall come again, spread over the time that the others need."""
        pace = max(1 / self._per_second if self._per_second else 0.0, self._takes / self._seats if self._seats else 0.0)
        self._behind = max(now, self._behind) + pace
        return random.uniform(SOONEST, min(LATEST, max(SOONEST, self._behind - now)))

    def has_nobody_waiting(self) -> None:
        """Forget how many were given back: those that are left are few."""
        self._behind = 0.0


def seat_of(job: Job) -> str:
    """Name an attempt: delivered twice, it needs one seat."""
    return ".".join(map(str, job.key))
