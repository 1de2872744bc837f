"""A payslip: computed, approved by a person, and sent."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from leveret import service, workflow


@dataclass(frozen=True)
class Payslip:
    """What nobody else is to read."""

    name: str
    salary: Decimal
    paid: bool = False


@service.define
class Bank:
    """Pays."""

    async def pay(self, payslip: Payslip) -> Payslip:
        """Return the payslip, paid."""
        return Payslip(payslip.name, payslip.salary, paid=True)


@workflow.define
class Payroll:
    """Pays once somebody has approved."""

    bank = workflow.service(Bank)
    approvals = workflow.Channel[str]()

    def __init__(self) -> None:
        """Wait for an approval."""
        self.approved_by = ""

    async def run(self, payslip: Payslip) -> Payslip:
        """Return what was paid."""
        self.approved_by = await self.approvals.receive()
        return await self.bank.pay(payslip)
