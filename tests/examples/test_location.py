"""The example location."""

from __future__ import annotations

import pytest

from examples.location.booking import REMINDERS, LocationBooking
from examples.location.deposit import Deposit
from examples.location.model import Answer, Outcome, Request, State
from examples.location.services import Bank, Letters
from examples.skipping import skip
from leveret import Handle, WorkflowCancelled
from tests.conformance.house import DEADLINE, House

REQUEST = Request("tim", "visa", 9000, ["ann", "joe"])


class Scene:
    """A house with the services, and one request."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.letters, self.bank = Letters(), Bank()
        self.booking = house.client.get(LocationBooking, id="b1")

    @property
    def sent(self) -> list[str]:
        return [*self.letters.sent.values()]

    async def start(self, request: Request = REQUEST) -> Handle[Outcome]:
        await self.house.open(LocationBooking, Deposit, services=(self.letters, self.bank))
        return await self.house.start(LocationBooking, request, id="b1")

    async def answer(self, host: str, *, accepts: bool) -> None:
        await self.booking.answers.send(Answer(host, accepts))
        if accepts:
            self.house.remember(Deposit, self.house.client.get("Deposit", id="b1-deposit"))

    async def silence(self) -> None:
        for _ in range(1 + REMINDERS):
            await skip(self.house.client, self.booking)


async def test_a_silent_host_is_reminded_and_passed_over_and_the_next_one_accepts_after_a_restart(house: House) -> None:
    scene = Scene(house)
    handle = await scene.start()

    await scene.silence()
    await house.waiting(handle, "receive")
    await house.restart()
    await scene.answer("joe", accepts=True)

    outcome = await handle.result(DEADLINE)
    assert (outcome.state, outcome.host) == (State.BOOKED, "joe")
    assert scene.bank.held == {outcome.deposit: 9000}
    assert scene.sent[:-2] == [
        "ann: tim asks for a place",
        *["ann: tim still asks for a place"] * REMINDERS,
        "ann: somebody else is asked now",
        "joe: tim asks for a place",
    ]
    assert set(scene.sent[-2:]) == {"tim: booked", "joe: booked"}


async def test_a_late_answer_is_not_taken_for_that_of_the_next_host(house: House) -> None:
    scene = Scene(house)
    handle = await scene.start()

    await scene.silence()
    await scene.booking.answers.send(Answer("ann", accepts=True))
    await scene.booking.answers.send(Answer("joe", accepts=False))

    assert await handle.result(DEADLINE) == Outcome(State.NO_HOST)


async def test_without_a_host_the_traveler_is_told(house: House) -> None:
    scene = Scene(house)
    handle = await scene.start()

    await scene.answer("joe", accepts=False)
    await scene.answer("ann", accepts=False)

    assert await handle.result(DEADLINE) == Outcome(State.NO_HOST)
    assert scene.sent[-1] == "tim: no host has a place for you"


async def test_without_a_deposit_there_is_no_booking(house: House) -> None:
    scene = Scene(house)
    handle = await scene.start(Request("tim", "bad luck", 9000, ["ann"]))

    await scene.answer("ann", accepts=True)

    assert await handle.result(DEADLINE) == Outcome(State.NO_DEPOSIT, "ann")
    assert set(scene.sent[-2:]) == {f"{who}: no booking: the bank refuses bad luck" for who in ("tim", "ann")}
    assert scene.bank.held == {}


async def test_a_traveler_who_withdraws_sets_the_host_free(house: House) -> None:
    scene = Scene(house)
    handle = await scene.start()
    await house.waiting(handle, "receive")

    await handle.cancel("found something else")

    with pytest.raises(WorkflowCancelled):
        await handle.result(DEADLINE)
    assert scene.sent == ["ann: tim asks for a place", "ann: tim has withdrawn"]
