"""One instance a member: it earns points, burns them, and answers what it has."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from leveret import workflow


class Action(StrEnum):
    FORM = "form"
    ORDER = "order"


BONUS = {Action.FORM: 200, Action.ORDER: 500}
LEVELS = {0: "bronze", 500: "silver", 1000: "gold"}


@dataclass(frozen=True)
class Balance:
    points: int
    level: str


class TooFewPoints(Exception):
    """Raised by `burn`: the member has less than that."""


@workflow.define
class Loyalty:
    """While `run` waits for the next day, any other method may be called; one runs at a time, so no lock is needed."""

    def __init__(self) -> None:
        self.points = 0
        self.closed = False

    async def run(self) -> int:
        """Be a member: a point a day until it is closed. The result is what is left."""
        while not self.closed:
            won = await workflow.first(day=workflow.timer(days=1), closed=workflow.wait_for(lambda: self.closed))
            if won.name == "day":
                self.points += 1
        return self.points

    async def add_bonus(self, action: Action) -> int:
        self.points += BONUS[action]
        return self.points

    async def burn(self, points: int) -> int:
        """Take points off, or fail: whoever called gets `WorkflowFailed`, the membership goes on."""
        if points > self.points:
            raise TooFewPoints(f"{points} of {self.points} points")
        self.points -= points
        return self.points

    async def save_for(self, points: int) -> int:
        """Burn as soon as there is enough, be that in a year: waiting costs nothing."""
        await workflow.wait_for(lambda: self.points >= points)
        return await self.burn(points)

    async def close(self) -> None:
        self.closed = True

    @workflow.query
    def balance(self) -> Balance:
        return Balance(self.points, LEVELS[max(least for least in LEVELS if least <= self.points)])


@workflow.define
class Order:
    async def run(self, member: str) -> int:
        """Buy something; how it is paid is another example. The result is the member's points."""
        return await workflow.get(Loyalty, id=member).add_bonus(Action.ORDER)
