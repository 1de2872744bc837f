"""The process: every month count, charge and send the receipt, until the customer leaves or does not pay.

A year is some sixty tasks and timers, so that even decades stay a short journal; a process that does more than that
would call `workflow.continue_as_new`, as the example `cron` does.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

from examples.invoicing.contracts import Bank, Invoice, Mail, Metrics
from leveret import TaskFailed, workflow

TRIES = 3
PATIENCE = timedelta(days=7)


class Ending(StrEnum):
    LEFT = "left"
    SUSPENDED = "suspended"


@workflow.define
class Subscription:
    """One instance a customer."""

    metrics = workflow.service(Metrics)
    bank = workflow.service(Bank)
    mail = workflow.service(Mail)

    def __init__(self) -> None:
        self.card = ""
        self.leaving = False
        self.paid: list[Invoice] = []

    async def run(self, customer: str, card: str) -> Ending:
        self.card = card
        begin = workflow.now()
        while not self.leaving:
            end = first_of_next_month(begin)
            await workflow.timer(end)
            if not await self._bill(customer, begin, end):
                return Ending.SUSPENDED
            begin = end
        return Ending.LEFT

    async def change_card(self, card: str) -> None:
        self.card = card

    async def leave(self) -> None:
        """Leave at the end of the month, which is still to be paid."""
        self.leaving = True

    async def payment(self, number: int) -> Invoice:
        """Wait until so many invoices are paid, and return the last of them."""
        await workflow.wait_for(lambda: len(self.paid) >= number)
        return self.paid[number - 1]

    @workflow.query
    def invoices(self) -> list[Invoice]:
        return self.paid

    async def _bill(self, customer: str, begin: datetime, end: datetime) -> bool:
        amount = await self.metrics.used(customer, begin, end)
        invoice = Invoice(f"{customer}-{begin:%Y-%m}", customer, begin, end, amount)
        for _ in range(TRIES):
            card = self.card
            try:
                reference = await self.bank.charge(card, invoice)
            except TaskFailed:
                await self.mail.card_refused(invoice)
                await workflow.first(changed=self._another_than(card), late=workflow.timer(PATIENCE))
            else:
                await self.mail.receipt(invoice, reference)
                self.paid.append(invoice)
                return True
        return False

    def _another_than(self, card: str) -> workflow.Deferred[None]:
        return workflow.wait_for(lambda: self.card != card)


def first_of_next_month(day: datetime) -> datetime:
    midnight = day.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return (midnight + timedelta(days=32)).replace(day=1)
