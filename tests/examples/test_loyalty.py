"""The example loyalty."""

from __future__ import annotations

import pytest

from examples.loyalty.program import Action, Balance, Loyalty, Order
from examples.skipping import skip
from leveret import WorkflowFailed
from tests.conformance.house import DEADLINE, House


async def test_points_come_daily_and_by_bonus_and_are_kept_over_a_restart(house: House) -> None:
    await house.open(Loyalty)
    membership = await house.start(Loyalty, id="ann")
    ann = house.client.get(Loyalty, id="ann")

    await skip(house.client, ann)
    await ann.add_bonus(Action.FORM)
    await house.restart()
    await skip(house.client, ann)
    balance = await ann.balance()
    await ann.close()

    assert balance == Balance(202, "bronze")
    assert await membership.result(DEADLINE) == 202


async def test_saving_waits_over_a_restart_for_points_that_another_workflow_gives(house: House) -> None:
    await house.open(Loyalty, Order)
    await house.start(Loyalty, id="ann")
    ann = house.client.get(Loyalty, id="ann")
    bicycle = await house.client.dispatch(ann.save_for, 900)

    first = await house.call(Order, "ann")
    await house.restart()
    level = await ann.balance()
    await house.call(Order, "ann")
    left = await bicycle.result(DEADLINE)
    await ann.close()

    assert (first, level, left) == (500, Balance(500, "silver"), 100)


async def test_burning_too_much_fails_its_caller_only(house: House) -> None:
    await house.open(Loyalty)
    membership = await house.start(Loyalty, id="ann")
    ann = house.client.get(Loyalty, id="ann")
    await ann.add_bonus(Action.FORM)

    with pytest.raises(WorkflowFailed, match="201 of 200 points"):
        await ann.burn(201)
    left = await ann.burn(150)
    await ann.close()

    assert (left, await membership.result(DEADLINE)) == (50, 50)
