"""The example booking."""

from __future__ import annotations

from pathlib import Path

import pytest

from examples.booking.ledger import VARIABLE
from examples.booking.model import Decision, Order, Trouble
from examples.booking.services import Cars, Hotels, Payments
from examples.booking.workflow import BookingWorkflow
from tests.conformance.house import DEADLINE, House


@pytest.fixture(autouse=True)
def _ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path / "ledger.db"))


async def open_agency(house: House) -> None:
    await house.open(BookingWorkflow, services=(Hotels(), Cars(), Payments()))


async def test_an_approved_booking_is_completed_over_a_restart(house: House) -> None:
    await open_agency(house)
    booking = await house.start(
        BookingWorkflow, Order("1", "Ada", 2, 200_000, "yes"), method="book", tags={"orderId:1"}
    )
    await house.waiting(booking, "receive")

    await house.restart()
    await house.client.all(BookingWorkflow, tag="orderId:1").decisions.send(Decision.YES)

    receipt = await booking.result(DEADLINE)
    assert (receipt.state, [one.service for one in receipt.reservations]) == ("completed", ["hotel", "car", "payment"])


@pytest.mark.parametrize("who", ["hotel", "payment"])
async def test_what_was_booked_is_undone_when_one_refuses(house: House, who: str) -> None:
    await open_agency(house)

    receipt = await house.call(
        BookingWorkflow, Order("1", "Ada", 2, 200_000, trouble={who: Trouble.REFUSES}), method="book"
    )

    assert (receipt.state, receipt.reservations) == ("compensated", ())
    assert f"{who} service refuses order 1" in receipt.reason


async def test_a_booking_that_nobody_approves_is_undone_in_the_end(house: House) -> None:
    await open_agency(house)
    booking = await house.start(BookingWorkflow, Order("1", "Ada", 2, 200_000, "silent"), method="book")
    await house.waiting(booking, "timer")

    await house.client.complete_timers(booking)

    receipt = await booking.result(DEADLINE)
    assert (receipt.state, receipt.reason) == ("compensated", "nobody approved it in time")
