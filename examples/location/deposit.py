"""The child workflow: the bank holds the money. In earnest it would wait for what the traveler confirms, for days."""

from __future__ import annotations

from datetime import timedelta

from examples.location.model import Deposits
from leveret import TaskFailed, workflow


class NotHeld(Exception):
    """Raised when the bank does not hold the money; why is its cause."""


@workflow.define
class Deposit:
    bank = workflow.service(Deposits, timeout=timedelta(hours=1))

    async def take(self, card: str, amount: int) -> str:
        try:
            return await self.bank.hold(card, amount)
        except TaskFailed as error:
            raise NotHeld(f"the bank refuses {card}") from error
