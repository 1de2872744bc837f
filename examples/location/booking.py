"""The process: one host after another, a deposit, and news for both sides."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from examples.location.deposit import Deposit
from examples.location.model import Answer, Messages, Outcome, Request, State
from leveret import WorkflowFailed, workflow

REMINDERS = 2
PATIENCE = timedelta(days=1)


@workflow.define
class LocationBooking:
    """One instance a request; hosts answer by a signal."""

    messages = workflow.service(Messages)
    answers = workflow.Channel[Answer]()

    async def run(self, request: Request) -> Outcome:
        for host in request.hosts:
            try:
                accepted = await self._ask(host, request)
            except asyncio.CancelledError:
                await self.messages.send(host, f"{request.traveler} has withdrawn")
                raise
            if accepted:
                return await self._book(host, request)
        await self.messages.send(request.traveler, "no host has a place for you")
        return Outcome(State.NO_HOST)

    async def _ask(self, host: str, request: Request) -> bool:
        """Ask, remind, and give up; a late answer of a host stays in the channel, where nobody waits for it."""
        for text in ("asks for a place", *["still asks for a place"] * REMINDERS):
            await self.messages.send(host, f"{request.traveler} {text}")
            received = self.answers.receive(where=lambda answer: answer.host == host)
            won = await workflow.first(answered=received, late=workflow.timer(PATIENCE))
            if won.name == "answered":
                answer: Answer = won.value
                return answer.accepts
        await self.messages.send(host, "somebody else is asked now")
        return False

    async def _book(self, host: str, request: Request) -> Outcome:
        child = workflow.new(Deposit, id=f"{workflow.info().id}-deposit", tags=workflow.info().tags)
        try:
            reference = await child.take(request.card, request.amount)
        except WorkflowFailed as error:
            await self._tell_both(request, host, f"no booking: {error.failure.message}")
            return Outcome(State.NO_DEPOSIT, host)
        await self._tell_both(request, host, "booked")
        return Outcome(State.BOOKED, host, reference)

    async def _tell_both(self, request: Request, host: str, text: str) -> None:
        traveler, hosting = (workflow.dispatch(self.messages.send, to, text) for to in (request.traveler, host))
        await (traveler & hosting)
