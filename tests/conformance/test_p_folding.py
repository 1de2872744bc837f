"""P07 · methods that have ended are folded, and nobody can tell but by the length of the journal."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import pytest

from leveret import service, workflow
from leveret_actors.workflow import journal
from leveret_actors.workflow.journal import Record
from tests.conformance.house import DEADLINE, House


@service.define
class Mail:
    async def congratulate(self, points: int) -> str:
        return f"{points} points, well done"


@dataclass(frozen=True)
class Visit:
    shop: str
    at: datetime


@workflow.define
class Bonus:
    mail = workflow.service(Mail)
    leave = workflow.Channel[str]()
    visits: tuple[Visit, ...]

    def __init__(self) -> None:
        self.points = 0
        self.visits = ()
        self.word = ""

    async def run(self) -> tuple[int, str]:
        word = await self.leave.receive()
        return self.points, word

    async def add_bonus(self, points: int) -> int:
        self.points += points
        return self.points

    async def visit(self, shop: str) -> int:
        self.visits = (*self.visits, Visit(shop, workflow.now()))[-2:]
        return len(self.visits)

    async def celebrate(self) -> str:
        self.word = await self.mail.congratulate(self.points)
        return self.word

    async def remember(self, shops: list[str]) -> None:
        self.shops = shops

    @workflow.query
    def shops_visited(self) -> list[str]:
        return [visit.shop for visit in self.visits]


async def records_of(house: House, handle: object) -> list[Record]:
    return [journal.decode(data) for data in await house.journal(handle)]  # type: ignore[arg-type]


async def calls_of_everything(house: House) -> None:
    user = house.client.get(Bonus, id="u1")
    for number in range(12):
        assert await house.client.get(Bonus, id="u1", message_id=f"b{number}").add_bonus(number) == sum(
            range(number + 1)
        )
        assert await user.visit(f"shop {number}") == min(2, number + 1)
    assert await user.celebrate() == "66 points, well done"


@pytest.mark.parametrize("evict", [False, True])
async def test_P07_methods_that_have_ended_are_folded_and_the_instance_goes_on_after_a_restart(
    house: House, *, evict: bool
) -> None:
    await house.open(Bonus, services=(Mail(),), fold_after=5, evict=evict)
    handle = await house.start(Bonus, id="u1")
    user = house.client.get(Bonus, id="u1")

    await calls_of_everything(house)
    before = await records_of(house, handle)
    await house.restart()
    after = [await user.add_bonus(100), await user.visit("the last one")]
    await user.leave.send("bye")

    assert len(before) <= 7
    assert sum(record.folded.turns for record in before if record.folded) >= 20
    assert after == [166, 2]
    assert tuple(await handle.result(DEADLINE)) == (166, "bye")
    assert await house.client.get("Bonus", id="u1").query("shops_visited") == ["shop 11", "the last one"]


async def test_P07_a_call_that_comes_again_after_its_fold_is_answered_and_not_run(house: House) -> None:
    await house.open(Bonus, services=(Mail(),), fold_after=3)
    handle = await house.start(Bonus, id="u1")
    await calls_of_everything(house)

    await house.restart()
    again = [await house.client.get(Bonus, id="u1", message_id=f"b{number}").add_bonus(number) for number in (0, 5, 11)]
    await house.client.get(Bonus, id="u1").leave.send("bye")

    assert again == [0, 15, 66]
    assert tuple(await handle.result(DEADLINE)) == (66, "bye")


async def test_P07_what_can_be_changed_in_place_is_not_folded(house: House) -> None:
    await house.open(Bonus, services=(Mail(),), fold_after=3)
    handle = await house.start(Bonus, id="u1")
    user = house.client.get(Bonus, id="u1")
    await user.remember(["a", "b"])

    await calls_of_everything(house)
    records = await records_of(house, handle)
    await user.leave.send("bye")

    assert not any(record.folded for record in records)
    assert len(records) >= 27
    assert tuple(await handle.result(DEADLINE)) == (66, "bye")
