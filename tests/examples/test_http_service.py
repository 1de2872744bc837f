"""The example http_service."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from examples.http_service.bank import FUNDS, Bank
from examples.http_service.charging import payments, seconds_of
from examples.http_service.circuit import Circuit
from examples.http_service.payments import Declined, Later, Payments, Unavailable, patience
from leveret import RetryDetails, TaskFailed
from tests.conformance.house import House


def asked(error: Exception, attempt: int = 1) -> RetryDetails:
    return RetryDetails("Payments", "charge", "t", attempt, error)


async def fails(circuit: Circuit) -> None:
    async with circuit.call():
        raise Unavailable("down")


async def passes(circuit: Circuit) -> None:
    async with circuit.call():
        pass


async def test_a_bank_that_fails_stalls_and_limits_its_rate_charges_once(house: House) -> None:
    with Bank(["fail", "limit", "stall", "limit"]) as bank:
        await house.open(services=(payments(bank.url, timeout=0.3),))

        receipt = await house.client.service(Payments, id="order-1").charge("ann", 500)

    assert receipt == "receipt 1"
    assert bank.requests == ["order-1"] * 5
    assert bank.charges == {"order-1": 500}


async def test_a_declined_charge_is_not_tried_again(house: House) -> None:
    with Bank() as bank:
        await house.open(services=(payments(bank.url),))

        with pytest.raises(TaskFailed, match="insufficient funds"):
            await house.client.service(Payments).charge("ann", FUNDS + 1)

    assert len(bank.requests) == 1


async def test_a_node_that_restarts_leaves_nothing_undone_and_nothing_twice(house: House) -> None:
    with Bank(["limit"], retry_after="0.5") as bank:
        await house.open(services=(payments(bank.url),))
        handle = await house.client.dispatch(house.client.service(Payments, id="order-1").charge, "ann", 500)
        await house.restart()

        assert await handle.result(30) == "receipt 1"

    assert bank.charges == {"order-1": 500}


def test_the_policy_waits_for_as_long_as_it_was_told_and_gives_up_what_was_declined() -> None:
    assert patience(asked(Later(7.5))) == 7.5
    assert patience(asked(Later(7.5), attempt=10)) is None
    assert patience(asked(Declined("no"))) is None
    assert 0 < (patience(asked(Unavailable("down"))) or 0) <= 0.05


def test_retry_after_is_a_number_of_seconds_or_a_date() -> None:
    soon = format_datetime(datetime.now(UTC) + timedelta(minutes=5), usegmt=True)

    assert seconds_of("3") == 3
    assert 290 < seconds_of(soon) <= 300
    assert seconds_of("Sun, 06 Nov 1994 08:49:37 GMT") == 0


async def test_the_circuit_opens_after_failures_in_a_row_and_closes_when_one_call_works() -> None:
    now = 0.0
    circuit = Circuit(failures=2, seconds=10, clock=lambda: now)
    for call in (fails, passes, fails, fails):
        if call is fails:
            with pytest.raises(Unavailable):
                await call(circuit)
        else:
            await call(circuit)

    with pytest.raises(Later) as refused:
        await passes(circuit)
    now = 10.0
    with pytest.raises(Unavailable):
        await fails(circuit)  # one is let through to see
    with pytest.raises(Later):
        await passes(circuit)
    now = 20.0
    await passes(circuit)

    assert refused.value.seconds == 10
    await passes(circuit)
