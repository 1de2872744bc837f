"""The services, simulated. The task id is the idempotency key: a task that runs twice has its effect once."""

from __future__ import annotations

from datetime import datetime

from examples.invoicing.contracts import Bank, CardRefused, Invoice, Mail, Metrics
from leveret import Retry, service

PATIENT = Retry(initial=1, factor=2, maximum=3600, attempts=0, ignore=(CardRefused,))
"""Without end: the invoice of a month may wait until a service is back."""


class Meter(Metrics):
    @service.task(retry=PATIENT)
    async def used(self, customer: str, begin: datetime, end: datetime) -> int:
        return 100 * (end - begin).days


class Cards(Bank):
    def __init__(self) -> None:
        self.charges: dict[str, str] = {}

    @service.task(retry=PATIENT)
    async def charge(self, card: str, invoice: Invoice) -> str:
        if card.startswith("bad"):
            raise CardRefused(card)
        task = service.context().task_id
        self.charges[task] = f"{card} paid {invoice.amount} for {invoice.number}"
        return task


class Letters(Mail):
    def __init__(self) -> None:
        self.sent: dict[str, str] = {}

    @service.task(retry=PATIENT)
    async def receipt(self, invoice: Invoice, reference: str) -> None:
        self.sent[service.context().task_id] = f"receipt for {invoice.number}"

    @service.task(retry=PATIENT)
    async def card_refused(self, invoice: Invoice) -> None:
        self.sent[service.context().task_id] = f"your card was refused for {invoice.number}"
