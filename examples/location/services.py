"""The services, simulated. The task id is the idempotency key: a task that runs twice has its effect once."""

from __future__ import annotations

from examples.location.model import CardRefused, Deposits, Messages
from leveret import Retry, service

BRIEF = Retry(initial=1, factor=2, attempts=5, ignore=(CardRefused,))


class Letters(Messages):
    def __init__(self) -> None:
        self.sent: dict[str, str] = {}

    @service.task(retry=BRIEF)
    async def send(self, to: str, text: str) -> None:
        self.sent[service.context().task_id] = f"{to}: {text}"


class Bank(Deposits):
    def __init__(self) -> None:
        self.held: dict[str, int] = {}

    @service.task(retry=BRIEF)
    async def hold(self, card: str, amount: int) -> str:
        if card.startswith("bad"):
            raise CardRefused(card)
        reference = service.context().task_id
        self.held[reference] = amount
        return reference
