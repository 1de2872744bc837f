"""What waits, by priority, and what is next."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Final, Generic, TypeVar

from leveret_broker.address import NORMAL, Priority

T = TypeVar("T")

WEIGHTS: Final[dict[Priority, int]] = {"high": 16, NORMAL: 4, "low": 1}
"""How many of each begin, of 21, while some of each wait."""


class Lanes(Generic[T]):
    """One lane for all, or one for each priority; within a lane what came first is first.

    Smooth weighted round robin: with each choice every lane where something waits earns its weight, the richest is
    chosen and pays what all have earned together. So no lane waits for more than its share, and none saves up for
    later while it is empty.
    """

    def __init__(self, *, prioritised: bool) -> None:
        levels: list[Priority] = list(WEIGHTS) if prioritised else [NORMAL]
        self._lanes: dict[Priority, deque[T]] = {level: deque() for level in levels}
        self._normal = self._lanes[NORMAL]
        self._credit: dict[Priority, int] = dict.fromkeys(levels, 0)
        self._first: deque[T] = deque()
        self._chosen: deque[T] | None = self._normal if len(levels) == 1 else None

    def __len__(self) -> int:
        return len(self._first) + (len(self._normal) if len(self._lanes) == 1 else sum(map(len, self._lanes.values())))

    def __iter__(self) -> Iterator[T]:
        yield from self._first
        for lane in self._lanes.values():
            yield from lane

    def append(self, item: T, level: Priority) -> None:
        """Put an item behind those of its priority; where there is one lane, behind all."""
        self._lanes.get(level, self._normal).append(item)

    def put_first(self, item: T) -> None:
        """Put an item before all others."""
        self._first.appendleft(item)

    def put_back(self, item: T, level: Priority) -> None:
        """Put an item before those of its priority."""
        self._lanes.get(level, self._normal).appendleft(item)

    def peek(self) -> T | None:
        """Return what is next, the same until it is taken out, or something is put first."""
        if self._first:
            return self._first[0]
        if len(self._lanes) > 1 and not self._chosen:
            self._choose()
        return self._chosen[0] if self._chosen else None

    def pop(self) -> None:
        """Take out what `peek` returned."""
        if self._first:
            self._first.popleft()
            return
        assert self._chosen
        self._chosen.popleft()
        if len(self._lanes) > 1:
            self._chosen = None

    def remove(self, item: T) -> None:
        """Take out an item; raises `ValueError` for one that is not there."""
        for lane in (self._first, *self._lanes.values()):
            if item in lane:
                lane.remove(item)
                return
        raise ValueError(f"{item!r} does not wait")

    def clear(self) -> None:
        """Take out all."""
        for lane in (self._first, *self._lanes.values()):
            lane.clear()

    def _choose(self) -> None:
        credit, earned = self._credit, 0
        for level, lane in self._lanes.items():
            if lane:
                credit[level] += WEIGHTS[level]
                earned += WEIGHTS[level]
            else:
                credit[level] = 0
        waiting: list[Priority] = [level for level, lane in self._lanes.items() if lane]
        if waiting:
            richest = max(waiting, key=lambda level: credit[level])
            credit[richest] -= earned
            self._chosen = self._lanes[richest]
