"""The example invoicing."""

from __future__ import annotations

from datetime import UTC, datetime

from examples.invoicing.services import Cards, Letters, Meter
from examples.invoicing.subscription import TRIES, Ending, Subscription, first_of_next_month
from examples.skipping import skip
from tests.conformance.house import DEADLINE, House


async def test_every_month_is_charged_once_and_receipted_over_a_restart(house: House) -> None:
    cards, letters = Cards(), Letters()
    await house.open(Subscription, services=(Meter(), cards, letters))
    subscription = await house.start(Subscription, "ann", "visa", id="ann")
    ann = house.client.get(Subscription, id="ann")

    await skip(house.client, ann)
    await ann.payment(1)
    await house.restart()
    await skip(house.client, ann)
    await ann.payment(2)
    await ann.leave()
    await skip(house.client, ann)

    assert await subscription.result(DEADLINE) == Ending.LEFT
    invoices = await ann.invoices()
    assert [invoice.end for invoice in invoices[:-1]] == [invoice.begin for invoice in invoices[1:]]
    assert [*cards.charges.values()] == [f"visa paid {one.amount} for {one.number}" for one in invoices]
    assert [*letters.sent.values()] == [f"receipt for {invoice.number}" for invoice in invoices]
    assert len(invoices) == 3


async def test_a_refused_card_is_charged_again_as_soon_as_there_is_another(house: House) -> None:
    cards, letters = Cards(), Letters()
    await house.open(Subscription, services=(Meter(), cards, letters))
    subscription = await house.start(Subscription, "ann", "bad luck", id="ann")
    ann = house.client.get(Subscription, id="ann")

    await ann.leave()
    await skip(house.client, ann)
    await skip(house.client, ann)  # a week after the first refusal
    await ann.change_card("visa")

    assert await subscription.result(DEADLINE) == Ending.LEFT
    [invoice] = await ann.invoices()
    assert [*cards.charges.values()] == [f"visa paid {invoice.amount} for {invoice.number}"]
    assert f"your card was refused for {invoice.number}" in letters.sent.values()


async def test_a_customer_who_does_not_pay_is_suspended(house: House) -> None:
    letters = Letters()
    await house.open(Subscription, services=(Meter(), Cards(), letters))
    subscription = await house.start(Subscription, "ann", "bad luck", id="ann")
    ann = house.client.get(Subscription, id="ann")

    for _ in range(1 + TRIES):
        await skip(house.client, ann)

    assert await subscription.result(DEADLINE) == Ending.SUSPENDED
    assert len(letters.sent) == TRIES
    assert await ann.invoices() == []


def test_a_month_ends_at_midnight_of_the_first() -> None:
    begins = [
        datetime(2030, 1, 31, 23, 59, tzinfo=UTC),
        datetime(2030, 2, 1, tzinfo=UTC),
        datetime(2030, 12, 5, tzinfo=UTC),
    ]

    ends = [(end.year, end.month, end.day, end.hour, end.minute) for end in map(first_of_next_month, begins)]

    assert ends == [(2030, 2, 1, 0, 0), (2030, 3, 1, 0, 0), (2031, 1, 1, 0, 0)]
