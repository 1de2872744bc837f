"""Contracts and workflows that the tests share."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Protocol

from leveret import workflow


@dataclass
class Cart:
    rooms: int


@dataclass
class Decision:
    yes: bool


class Hotel(Protocol):
    async def book(self, cart: Cart) -> str: ...
    async def cancel(self, reservation: str) -> None: ...


class Taxi(ABC):
    @abstractmethod
    async def call(self, street: str) -> int: ...


@workflow.define(name="Booking")
class BookingContract(Protocol):
    decisions: workflow.Channel[Decision]
    notes: workflow.Channel[str | int]

    async def book(self, cart: Cart) -> str: ...


@workflow.define(version=3)
class Booking(BookingContract):
    hotel = workflow.service(Hotel, timeout=60, tags=["t"], meta={"k": "v"})
    taxi = workflow.service(Taxi)
    decisions = workflow.Channel[Decision]()
    notes = workflow.Channel[str | int]()
    live = workflow.Channel[str](buffered=False, name="onAir")

    async def book(self, cart: Cart) -> str:
        return await self.hotel.book(cart)

    @workflow.method(name="undo")
    async def take_back(self) -> None: ...

    def helper(self) -> int:
        return 1
