"""The three services, with all the trouble that an order asks for."""

from __future__ import annotations

import asyncio
from functools import cached_property

from examples.booking.contracts import CarBooking, HotelBooking, Payment, Refused
from examples.booking.ledger import Ledger
from examples.booking.model import Order, Reservation, Trouble
from leveret import Retry, service

POLICY = Retry(initial=0.25, factor=2, maximum=2, attempts=6, ignore=(Refused,))
PATIENCE = 0.75
"""Seconds of one attempt."""


class Supplier:
    """What the three have in common."""

    def __init__(self, name: str) -> None:
        """Act under this name."""
        self.name = name

    @cached_property
    def ledger(self) -> Ledger:
        """The world outside."""
        return Ledger()

    async def act(self, action: str, order: Order) -> Reservation:
        """Do it, with the order's trouble."""
        task = service.context()
        await asyncio.to_thread(self.ledger.called, task.task_id)
        match order.trouble.get(self.name):
            case Trouble.REFUSES:
                raise Refused(self.name, order.id)
            case Trouble.FAILS if task.attempt < 3:
                text = f"the {self.name} service is busy"
                raise ConnectionError(text)
            case Trouble.STALLS if task.attempt == 1:
                await asyncio.Event().wait()
            case _:
                pass
        await asyncio.to_thread(self.ledger.effect, task.task_id, self.name, action, order.id)
        return Reservation(self.name, order.id, task.task_id)

    async def undo(self, reservation: Reservation) -> None:
        """Undo it; this never fails, or the saga could not be trusted."""
        task = service.context()
        await asyncio.to_thread(self.ledger.called, task.task_id)
        await asyncio.to_thread(self.ledger.effect, task.task_id, self.name, "cancel", reservation.order)


class Hotels(HotelBooking):
    """Rooms."""

    def __init__(self) -> None:
        """Open nothing yet."""
        self.supplier = Supplier("hotel")

    @service.task(retry=POLICY, timeout=PATIENCE)
    async def book(self, order: Order) -> Reservation:
        """Book a room."""
        return await self.supplier.act("book", order)

    @service.task(retry=POLICY, timeout=PATIENCE)
    async def cancel(self, reservation: Reservation) -> None:
        """Give the room back."""
        await self.supplier.undo(reservation)


class Cars(CarBooking):
    """Cars."""

    def __init__(self) -> None:
        """Open nothing yet."""
        self.supplier = Supplier("car")

    @service.task(retry=POLICY, timeout=PATIENCE)
    async def book(self, order: Order) -> Reservation:
        """Book a car."""
        return await self.supplier.act("book", order)

    @service.task(retry=POLICY, timeout=PATIENCE)
    async def cancel(self, reservation: Reservation) -> None:
        """Give the car back."""
        await self.supplier.undo(reservation)


class Payments(Payment):
    """Money."""

    def __init__(self) -> None:
        """Open nothing yet."""
        self.supplier = Supplier("payment")

    @service.task(retry=POLICY, timeout=PATIENCE)
    async def pay(self, order: Order) -> Reservation:
        """Take the money."""
        return await self.supplier.act("pay", order)
