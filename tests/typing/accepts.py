"""What both type checkers must accept under their strictest settings; nothing here is run."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol, assert_type

import leveret.sync
from leveret import Client, Deferred, Handle, Retry, events, service, workflow
from leveret.client import Group, NamedStart
from leveret.interceptors import MethodRun, TaskInterceptor, TaskIssue, WorkflowInterceptor
from leveret.runtime import TaskCall
from leveret.service.task_context import TaskContext
from leveret_actors import Node
from leveret_broker.outcome import Failure


@dataclass
class Cart:
    rooms: int


@dataclass
class Decision:
    yes: bool


@service.define(name="HotelBooking", retry=Retry(), timeout=timedelta(seconds=3))
class HotelBooking(Protocol):
    async def book(self, cart: Cart) -> str: ...
    async def cancel(self, reservation: str) -> None: ...


class CarBooking(ABC):
    @abstractmethod
    async def rent(self, days: int, *, automatic: bool = False) -> int: ...


class Hotels(HotelBooking):
    def __init__(self, rooms: int) -> None:
        self.rooms = rooms

    @service.task(retry=Retry(attempts=3, ignore=(ValueError,)), timeout=30)
    async def book(self, cart: Cart) -> str:
        return service.context().task_id

    @service.task
    def cancel(self, reservation: str) -> None: ...


class Cars(CarBooking):
    @service.task(name="rent")
    def rent(self, days: int, *, automatic: bool = False) -> int:
        return days


@service.define
class Mailer:
    @service.task
    async def send(self, to: str) -> bool:
        return bool(to)


@workflow.define(name="Booking")
class BookingContract(Protocol):
    decisions: workflow.Channel[Decision]

    async def book(self, cart: Cart) -> str: ...


@workflow.define
class Other:
    async def run(self) -> None: ...


@workflow.define(version=2, timeout=timedelta(days=30), check="strict")
class Booking(BookingContract):
    hotel = workflow.service(HotelBooking, timeout=timedelta(hours=1), tags={"t"}, meta={"k": "v"})
    car = workflow.service(CarBooking)
    mail = workflow.service(Mailer)
    decisions = workflow.Channel[Decision]()
    notes = workflow.Channel[int | str](buffered=False)

    async def book(self, cart: Cart) -> str:
        assert_type(await self.hotel.book(cart), str)
        assert_type(await self.car.rent(3, automatic=True), int)
        assert_type(await self.mail.send("x"), bool)

        hotel = workflow.dispatch(self.hotel.book, cart)
        car = workflow.dispatch(self.car.rent, 3, automatic=True)
        mail = workflow.dispatch(self.mail.send, to="x")
        assert_type(hotel, Deferred[str])
        assert_type(await car, int)
        assert_type(await (hotel & car), tuple[str, int])
        assert_type(await (hotel & car & mail), tuple[str, int, bool])
        assert_type(await (hotel & (car | mail)), tuple[str, int | bool])
        assert_type(await ((hotel & car) | mail), tuple[str, int] | bool)
        assert_type(await (hotel | car), str | int)
        assert_type(await workflow.all_of([hotel, hotel]), list[str])
        assert_type(await workflow.any_of([car]), int)
        assert_type(hotel.status, str)

        won = await workflow.first(decided=self.decisions.receive(), late=workflow.timer(days=2), both=hotel & car)
        assert_type(won.name, str)

        assert_type(await self.decisions.receive(), Decision)
        assert_type(await self.decisions.receive(2), list[Decision])
        assert_type(await self.notes.receive(int, where=lambda n: n > 3), int)
        assert_type(await self.notes.receive(str, 2), list[str])
        async for note in self.notes:
            assert_type(note, int | str)
            break

        await workflow.timer(timedelta(hours=1))
        await workflow.timer(datetime(2030, 1, 1, tzinfo=UTC))
        assert_type(workflow.inline(lambda: 3), int)
        answer = await workflow.task("Hotel.book", {"cart": cart})

        child = workflow.new(Booking, id="b2", tags=workflow.info().tags, detached=True, timeout=timedelta(days=1))
        assert_type(await child.book(cart), str)
        assert_type(workflow.dispatch(child.take_back, hard=True), Deferred[bool])
        other = workflow.get(BookingContract, id="b1")
        assert_type(await other.book(cart), str)
        assert_type(workflow.dispatch(workflow.all(Booking, tag="t").take_back), Deferred[bool])
        await other.decisions.send(Decision(yes=True))
        await workflow.cancel(other, "no more")
        assert_type(workflow.new("Booking"), workflow.NamedChild)
        assert_type(workflow.get("Booking", id="b1"), workflow.NamedTarget)
        workflow.log.info("booked {} by {}", answer, workflow.info().id)
        return workflow.now().isoformat() + workflow.uuid().hex + str(workflow.random().random())

    @workflow.method(name="undo")
    async def take_back(self, *, hard: bool = False) -> bool:
        return hard

    @workflow.query
    def size(self, unit: str = "rooms") -> int:
        return len(unit)


async def calling() -> None:
    async with Client("memory://") as client:
        booking = client.new(Booking, id="b1", tags={"order:1"}, on_conflict="fail", meta={"k": "v"})
        assert_type(await booking.book(Cart(1)), str)
        handle = await client.dispatch(booking.book, Cart(1))
        assert_type(handle, Handle[str])
        assert_type(await handle.result(timeout=5), str)
        assert_type(await client.dispatch(booking.take_back, hard=True), Handle[bool])
        assert_type(await client.new(BookingContract).book(Cart(1)), str)

        one = client.get(BookingContract, id="b1")
        await one.decisions.send(Decision(yes=True))
        assert_type(await one.book(Cart(1)), str)
        assert_type(await client.dispatch(one.book, Cart(1)), Handle[str])
        assert_type(await client.get(Booking, id="b1").size(unit="beds"), int)
        await client.dispatch(client.all(Booking, tag="order:1").take_back, hard=True)
        await client.all(Booking, tag="order:1").notes.send(3)
        await client.cancel(one)
        assert_type((await client.describe(one)).found, bool)
        async for member in client.members(client.all(Booking, tag="order:1")):
            assert_type(member.id, str)

        assert_type(client.new("Booking", id="b1"), NamedStart)
        assert_type(client.get("Booking", id="b1"), Handle[Any])
        assert_type(client.all("Booking", tag="order:1"), Group)


def blocking() -> None:
    with leveret.sync.Client("memory://") as client:
        booking = client.new(Booking, tags={"order:1"})
        assert_type(client.run(booking.book(Cart(1))), str)
        assert_type(client.dispatch(booking.book, Cart(1)).result(), str)
        client.run(client.get(Booking, id="b1").decisions.send(Decision(yes=True)))


def hosting() -> tuple[HotelBooking, CarBooking, Callable[[str], Coroutine[Any, Any, None]]]:
    service.instance(Hotels(3))
    return Hotels(3), Cars(), Hotels(3).cancel


@workflow.define
class Selective:
    decisions = workflow.Channel[Decision]()
    mixed = workflow.Channel[Cart | Decision]()

    async def run(self) -> None:
        assert_type(await self.decisions.receive(where="$[?@.yes]"), Decision)
        assert_type(await self.mixed.receive(Cart, where=lambda cart: cart.rooms > 1), Cart)
        assert_type(await self.mixed.receive(Cart, 2, where="$[?@.rooms > 1]"), list[Cart])


class Around(WorkflowInterceptor, TaskInterceptor):
    async def run_method(self, details: MethodRun, /) -> Any:
        assert_type(details.info, workflow.Info)
        return await details.proceed()

    def task(self, details: TaskIssue, /) -> TaskCall:
        return replace(details.call, meta={"k": "v"})

    def attempt(self, context: TaskContext, /) -> AbstractContextManager[Any]:
        return nullcontext()


def listen(event: events.Event) -> None:
    match event:
        case events.TaskFailed(failure=failure):
            assert_type(failure, Failure)
        case events.SignalDiscarded():
            assert_type(event.channel, str)
        case _:
            assert_type(event.at, float)


def hosts() -> Node:
    return Node("memory://", workflows=[Selective], listeners=[listen], interceptors=[Around()])
