"""The three services, as the workflow sees them; their implementations may live in another process, or language."""

from __future__ import annotations

from typing import Protocol

from examples.booking.model import Order, Reservation
from leveret import service


class Refused(Exception):
    """Raised by a service that will not change its mind: never retried."""

    def __init__(self, service: str, order: str) -> None:
        """Name who refused what."""
        super().__init__(f"the {service} service refuses order {order}")
        self.service = service
        self.order = order


@service.define(name="Hotel")
class HotelBooking(Protocol):
    """Rooms."""

    async def book(self, order: Order) -> Reservation: ...
    async def cancel(self, reservation: Reservation) -> None: ...


@service.define(name="Car")
class CarBooking(Protocol):
    """Cars."""

    async def book(self, order: Order) -> Reservation: ...
    async def cancel(self, reservation: Reservation) -> None: ...


@service.define(name="Payment")
class Payment(Protocol):
    """Money, taken last: nothing after it can fail."""

    async def pay(self, order: Order) -> Reservation: ...
