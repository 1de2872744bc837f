"""The process: hotel and car at once, an approval where one is needed, then the payment; or everything undone."""

from __future__ import annotations

from datetime import timedelta

from examples.booking.contracts import CarBooking, HotelBooking, Payment
from examples.booking.model import Decision, Order, Receipt, Reservation
from leveret import DeferredError, TaskFailed, workflow


class Declined(Exception):
    """Raised when an approver says no, or nothing in time."""


@workflow.define(name="Booking")
class BookingWorkflow:
    """One instance per order; it carries the tag `orderId:<id>`."""

    hotel = workflow.service(HotelBooking, timeout=timedelta(hours=1))
    car = workflow.service(CarBooking, timeout=timedelta(hours=1))
    payment = workflow.service(Payment, timeout=timedelta(hours=1))
    decisions = workflow.Channel[Decision]()

    async def book(self, order: Order) -> Receipt:
        """Book it all, or undo what was booked."""
        hotel = workflow.dispatch(self.hotel.book, order)
        car = workflow.dispatch(self.car.book, order)
        try:
            room, wheels = await (hotel & car)
            if order.approval:
                await self._approval()
            paid = await self.payment.pay(order)
        except (TaskFailed, Declined) as error:
            await self._undo(hotel, car)
            return Receipt(order.id, "compensated", str(error))
        return Receipt(order.id, "completed", reservations=(room, wheels, paid))

    async def _approval(self) -> None:
        won = await workflow.first(decided=self.decisions.receive(), late=workflow.timer(seconds=4))
        if won.name == "late":
            text = "nobody approved it in time"
            raise Declined(text)
        if won.value != Decision.YES:
            text = "the approver said no"
            raise Declined(text)

    async def _undo(self, hotel: workflow.Deferred[Reservation], car: workflow.Deferred[Reservation]) -> None:
        for booked, stub in ((hotel, self.hotel), (car, self.car)):
            try:
                reservation = await booked
            except DeferredError:
                continue  # was never booked
            await stub.cancel(reservation)
