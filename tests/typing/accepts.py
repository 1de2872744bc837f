"""What both type checkers must accept under their strictest settings; nothing here is run."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol, assert_type

import leveret.sync
from leveret import AllOf, Client, Deferred, Handle, Retry, events, service, workflow
from leveret.calls import SignalCall, TagCall, TaskCall
from leveret.client import Group, NamedStart, TagMember
from leveret.client.group import Sent
from leveret.interceptors import (
    ClientInterceptor,
    MethodRun,
    QueryRun,
    SignalIssue,
    StartRequest,
    TagIssue,
    TaskInterceptor,
    TaskIssue,
    TaskRun,
    WorkflowInterceptor,
)
from leveret.service import Call, TaskId
from leveret_actors import Node
from leveret_actors.testing import replay
from leveret_broker.envelope import Description, Done
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


class Mass(Protocol):
    async def book(self, cart: Cart, /) -> str: ...
    async def note(self, cart: Cart, /) -> None: ...
    async def stamp(self, cart: Cart, /) -> str: ...
    async def count(self, cart: Cart, /) -> None: ...


class Masses(Mass):
    @service.batch(max=100, seconds=timedelta(seconds=0.5), key=lambda call: call.meta.get("tenant"))
    async def book(self, calls: dict[TaskId, Call[Cart]]) -> dict[TaskId, str | Exception]:
        found: dict[TaskId, str | Exception] = {}
        for task_id, call in calls.items():
            assert_type(call.argument, Cart)
            found[task_id] = ValueError() if call.attempt == 1 else call.task_id
        return found

    @service.batch(seconds=0)
    async def note(self, calls: dict[TaskId, Call[Cart]]) -> None: ...

    @service.batch()
    def stamp(self, calls: dict[TaskId, Call[Cart]]) -> dict[TaskId, str]:
        return {call.task_id: "x" for call in calls.values()}

    @service.batch()
    def count(self, calls: dict[TaskId, Call[Cart]]) -> None: ...


@workflow.define
class Massive:
    mass = workflow.service(Masses)

    async def run(self) -> None:
        assert_type(await self.mass.book(Cart(1)), str)
        assert_type(await workflow.dispatch(self.mass.note, Cart(1)), None)


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
        await workflow.cancel(other, "no more", force=True)
        assert_type(await workflow.retry_tasks(other, "r.1", status="failed", service=HotelBooking), workflow.Done)
        assert_type(await workflow.retry_workflow_task(other), workflow.Done)
        assert_type(await workflow.complete_timers(workflow.all("Loyalty", tag="gold"), "main"), workflow.Done)
        assert_type(await workflow.describe(other), workflow.Description)
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
        assert_type(await client.get(Booking, id="b1", message_id="k").book(Cart(1)), str)
        await client.dispatch(client.all(Booking, tag="t", message_id="k").take_back)
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


class Around(WorkflowInterceptor, TaskInterceptor, ClientInterceptor):
    async def run_method(self, details: MethodRun, /) -> Any:
        assert_type(details.info, workflow.Info)
        return await details.proceed()

    def task(self, details: TaskIssue, /) -> TaskCall:
        return replace(details.call, meta={"k": "v"})

    def send(self, details: SignalIssue, /) -> SignalCall:
        return replace(details.call, message_id="own")

    def tag(self, details: TagIssue, /) -> TagCall:
        return replace(details.call, tag=f"{details.info.id}/{details.call.tag}")

    def run_query(self, details: QueryRun, /) -> Any:
        return details.proceed()

    async def run_task(self, details: TaskRun, /) -> Any:
        assert_type(details.context, service.TaskContext)
        return await details.proceed()

    async def start(self, details: StartRequest, /) -> Any:
        plan = replace(details.call.plan, meta={"k": "v"})
        return await details.proceed(replace(details.call, plan=plan))


def listen(event: events.Event) -> None:
    match event:
        case events.TaskFailed(failure=failure):
            assert_type(failure, Failure)
        case events.SignalDiscarded():
            assert_type(event.channel, str)
        case _:
            assert_type(event.at, float)


def hosts() -> Node:
    Client("memory://", interceptors=[Around()])
    leveret.sync.Client("memory://", interceptors=[Around()])
    return Node("memory://", workflows=[Selective], listeners=[listen], interceptors=[Around()])


@workflow.define
class Language:
    """What the other classes above leave out."""

    cars = workflow.service(CarBooking)
    decisions = workflow.Channel[Decision]()

    def __init__(self) -> None:
        self.points = 0

    async def run(self, rounds: int = 0) -> str:
        car = workflow.dispatch(self.cars.rent, 3)
        timer = workflow.timer(days=2)
        decision = self.decisions.receive()
        assert_type(timer, Deferred[None])
        assert_type(decision, Deferred[Decision])
        assert_type(car | timer | decision, Deferred[int | None | Decision])
        assert_type(car & timer & decision, AllOf[int, None, Decision])
        assert_type(car & (timer & decision), AllOf[int, tuple[None, Decision]])
        assert_type((car & timer) & (decision & car), AllOf[int, None, tuple[Decision, int]])
        assert_type(workflow.all_of([car, car]), Deferred[list[int]])
        assert_type(workflow.any_of([car & timer, car & timer]), Deferred[tuple[int, None]])
        assert_type(workflow.wait_for(lambda: self.points > 3), Deferred[None])
        won = await workflow.first(car=car, grown=workflow.wait_for(lambda: self.points), both=car & timer)
        assert_type(won, workflow.First)
        assert_type(await asyncio.gather(car, decision), tuple[int, Decision])
        async with asyncio.timeout(3):
            assert_type(await asyncio.wait_for(car, 3), int)
        car.cancel()

        if workflow.patched("fees first"):
            workflow.deprecate_patch("older")
        with workflow.unsafe():
            assert_type(workflow.info().parent, workflow.Parent | None)
        if rounds < 3:
            workflow.continue_as_new(rounds + 1)
        return won.name

    async def add(self, points: int) -> int:
        self.points += points
        return self.points

    @workflow.query
    def level(self, unit: str = "gold") -> int:
        return self.points

    async def others(self) -> None:
        one = workflow.get(Language, id="l1")
        assert_type(await one.add(5), int)
        assert_type(await one.level(unit="silver"), int)
        assert_type(workflow.dispatch(one.add, points=5), Deferred[int])
        assert_type(workflow.dispatch(workflow.new(Language, detached=True, on_closed="new").run), Deferred[str])
        assert_type(await workflow.new(Language, unique_tag="u", timeout=60, version=2).run(1), str)
        await workflow.cancel(one, force=True)
        assert_type(await workflow.describe(one), Description)
        assert_type(await workflow.retry_tasks(one, status="failed", service=CarBooking), Done)
        assert_type(await workflow.retry_workflow_task(one), Done)
        assert_type(await workflow.complete_timers(workflow.all("Language", tag="t")), Done)

        named = workflow.get("Language", id="l1")
        assert_type(await named.call("add", {"points": 5}), Any)
        assert_type(named.dispatch("add", {"points": 5}), Deferred[Any])
        assert_type(workflow.new("Language", tags={"t"}).dispatch("run"), Deferred[Any])
        assert_type(workflow.task("Cars.rent", {"days": 3}, timeout=5), Deferred[Any])
        await named.signal("decisions", {"yes": True}, message_id="m1")
        await named.cancel("enough")


async def operating(client: Client) -> None:
    handle = await client.dispatch(client.new(Language, id="l1").run, rounds=2)
    assert_type(handle, Handle[str])
    assert_type(await client.result(handle), str)
    assert_type(await client.result(client.get(Language, id="l1")), Any)
    for target in (
        handle,
        client.get(Language, id="l1"),
        client.all(Language, tag="t"),
        client.all("Language", tag="t"),
    ):
        assert_type(
            await client.retry_tasks(target, "r.1", status=("failed", "cancelled"), service=(Mailer, "Cars")), Done
        )
        assert_type(await client.retry_workflow_task(target, timeout=timedelta(seconds=3)), Done)
        assert_type(await client.complete_timers(target, "main"), Done)
        await client.cancel(target, "no more", force=True)
    assert_type(await client.cancel_task(handle, "r.1"), Done)
    assert_type(await client.describe(handle), Description)
    assert_type((await handle.describe()).data, dict[str, object])
    assert_type(client.history(handle), AsyncIterator[bytes])
    assert_type(client.members(client.all(Language, tag="t")), AsyncIterator[TagMember])
    assert_type(replay([Language, Booking], [record async for record in handle.history()]).mismatch, str)


async def calling_by_name(client: Client) -> None:
    assert_type(await client.new("Language", id="l1").call("run", {"rounds": 2}), Any)
    assert_type(await client.new("Language", id="l1").dispatch("run"), Handle[Any])
    one = client.get("Language", id="l1")
    assert_type(await one.call("add", {"points": 5}, message_id="m1"), Any)
    assert_type(await one.dispatch("add", {"points": 5}), Handle[Any])
    assert_type(await one.query("level", {"unit": "silver"}), Any)
    await one.signal("decisions", {"yes": True})
    assert_type(await client.all("Language", tag="t").dispatch("add", {"points": 5}), Sent)


def blocking_everything(client: leveret.sync.Client) -> None:
    handle = client.dispatch(client.new(Language).run, rounds=2)
    assert_type(handle, leveret.sync.Handle[str])
    assert_type(client.result(handle, timeout=5), str)
    assert_type(client.run(client.get(Language, id="l1").level()), int)
    assert_type(client.dispatch(client.get(Language, id="l1").add, 5).result(), int)
    assert_type(client.describe(handle), Description)
    assert_type(client.retry_tasks(client.all(Language, tag="t"), service=Mailer), Done)
    assert_type(handle.complete_timers(), Done)
    assert_type(handle.cancel_task("r.1"), Done)
    assert_type(client.history(handle), Iterator[bytes])
    assert_type(client.members(client.all(Language, tag="t")), Iterator[TagMember])
    named = client.get("Language", id="l1")
    assert_type(named, leveret.sync.Handle[Any])
    assert_type(named.dispatch("add", {"points": 5}), leveret.sync.Handle[Any])
    assert_type(client.run(client.new("Language").call("run")), Any)


class Policies:
    @service.task(retry=lambda details: 3.0 if details.attempt < 5 else None, timeout=timedelta(seconds=3))
    def halve(self, number: int) -> float:
        return number / 2


async def policies(stub: Policies) -> None:
    assert_type(await stub.halve(3), float)
