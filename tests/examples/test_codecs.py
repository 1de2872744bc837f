"""The example codecs; its demo and `tests/codecs` show that nothing is to be read."""

from __future__ import annotations

from decimal import Decimal

import pytest

from examples.codecs.keys import VARIABLE, payload_codecs
from examples.codecs.payroll import Bank, Payroll, Payslip
from leveret_broker.codec import Codec
from leveret_broker.errors import PayloadLocked
from tests.conformance.house import House


async def test_a_payslip_is_paid_once_somebody_has_approved(house: House) -> None:
    await house.open(Payroll, services=(Bank(),))
    handle = await house.start(Payroll, Payslip("Ann", Decimal("5123.45")), id="may")
    await house.waiting(handle, "receive")
    await house.restart()

    await house.client.get(Payroll, id="may").approvals.send("Eve")

    assert await handle.result(30) == Payslip("Ann", Decimal("5123.45"), paid=True)


def test_the_first_key_of_the_environment_writes_and_all_read(monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = f"1:{'0a' * 32}", f"2:{'0b' * 32}"
    monkeypatch.setenv(VARIABLE, old)
    before = Codec(payload_codecs())
    monkeypatch.setenv(VARIABLE, f"{new},{old}")
    rotated = Codec(payload_codecs())

    assert rotated.load(before.dump("secret")) == "secret"
    with pytest.raises(PayloadLocked, match="payload codec 2"):
        before.load(rotated.dump("secret"))
