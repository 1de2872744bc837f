"""What both type checkers must refuse; nothing here is run.

Each wrong line is ignored by its code, and both checkers complain about an ignore that is not needed.
"""

# pyright: reportUnnecessaryTypeIgnoreComment=true

from datetime import datetime
from typing import Protocol

import leveret.sync
from leveret import Client, service, workflow
from leveret.interceptors import TaskIssue, WorkflowInterceptor
from leveret.service import Call, TaskId
from leveret_actors import Node
from tests.typing.accepts import Booking, Cart, Decision, HotelBooking, Language


class Wrong(HotelBooking):
    @service.task
    def book(self, cart: Cart) -> int:  # type: ignore[override]
        return 1

    @service.task
    def cancel(self, reservation: str) -> None: ...


class Mass(Protocol):
    async def book(self, cart: Cart, /) -> str: ...


class WrongMass(Mass):
    @service.batch()
    async def book(self, calls: dict[TaskId, Call[Cart]]) -> dict[TaskId, int]:  # type: ignore[override]
        return {}


class Taxi(Protocol):
    async def call(self, street: str) -> int: ...


@workflow.define(verion=2)  # type: ignore[call-overload]
class Misspelt:
    async def run(self) -> None: ...


@workflow.define
class Flow:
    taxi = workflow.service(Taxi)
    decisions = workflow.Channel[Decision]()

    async def run(self) -> None:
        await self.taxi.call(5)  # type: ignore[arg-type]
        await self.taxi.cal("street")  # type: ignore[attr-defined]
        workflow.dispatch(self.taxi.call)  # type: ignore[call-arg]
        workflow.dispatch(self.taxi.call, 5)  # type: ignore[arg-type]
        workflow.dispatch(self.taxi.call, road="x")  # type: ignore[call-arg]
        taxi = workflow.dispatch(self.taxi.call, "street")
        text: str = await taxi  # type: ignore[assignment]
        pair: tuple[int, str] = await (taxi & taxi)  # type: ignore[operator]
        either: int = await (taxi | self.decisions.receive())  # type: ignore[operator]
        await workflow.first(call=self.taxi.call("street"))  # type: ignore[arg-type]
        decided: int = await self.decisions.receive()  # type: ignore[assignment]
        self.decisions.receive(where=3)  # type: ignore[call-overload]
        self.decisions.receive(where=lambda decision: decision.maybe)  # type: ignore[attr-defined]
        few: Decision = await self.decisions.receive(3)  # type: ignore[assignment]
        await workflow.new(Booking, ids="b1").book(Cart(1))  # type: ignore[call-overload]
        await workflow.new(Booking, on_conflict="maybe").book(Cart(1))  # type: ignore[call-overload]
        await workflow.new(Booking).book("cart")  # type: ignore[arg-type]
        workflow.dispatch(workflow.get(Booking, id="b1").book)  # type: ignore[call-arg]
        await workflow.get(Booking, id="b1").decisions.send("yes")  # type: ignore[arg-type]
        await workflow.timer("tomorrow")  # type: ignore[arg-type]
        await workflow.timer(weeks=1)  # type: ignore[call-arg]
        now: datetime = workflow.now  # type: ignore[assignment]
        print(text, pair, either, decided, few, now)


async def calling(client: Client) -> None:
    client.new(Booking, ids="b1")  # type: ignore[call-overload]
    client.new(Booking, on_conflict="maybe")  # type: ignore[call-overload]
    booking = client.new(Booking)
    await booking.book("cart")  # type: ignore[arg-type]
    await client.dispatch(booking.book, "cart")  # type: ignore[arg-type]
    handle = await client.dispatch(booking.book, Cart(1))
    number: int = await handle.result()  # type: ignore[assignment]
    await client.get(Booking, id="b1").decisions.send("yes")  # type: ignore[arg-type]
    await client.get(Booking).decisions.send(Decision(yes=True))  # type: ignore[call-overload]
    print(number)


class Around(WorkflowInterceptor):
    def task(self, details: TaskIssue, /) -> str:  # type: ignore[override]
        return str(details.call.task)  # type: ignore[attr-defined]


def hosting() -> None:
    Node("memory://", listeners=["print"])  # type: ignore[list-item]
    Node("memory://", interceptors=["around"])  # type: ignore[list-item]


@workflow.define
class Misread:
    """What the class above leaves out; its forgotten awaits are found as well."""

    hotel = workflow.service(HotelBooking)
    decisions = workflow.Channel[Decision]()

    def __init__(self) -> None:
        self.points = 0

    async def run(self, cart: Cart) -> None:
        room = workflow.dispatch(self.hotel.book, cart)
        self.hotel.book(cart)  # type: ignore[unused-coroutine]
        workflow.get(Language, id="l1").decisions.send(Decision(yes=True))  # type: ignore[unused-coroutine]
        workflow.get("Language", id="l1").call("run")  # type: ignore[unused-coroutine]
        await room | self.decisions.receive()  # type: ignore[operator]
        await room & self.decisions.receive()  # type: ignore[operator]
        room | self.hotel.book(cart)  # type: ignore[operator]
        workflow.all_of([self.hotel.book(cart)])  # type: ignore[arg-type]
        workflow.wait_for(self.points > 3)  # type: ignore[arg-type]
        workflow.dispatch(self.decisions.receive)  # type: ignore[arg-type]
        self.decisions.receive(Decision, where=lambda decision: decision.no)  # type: ignore[attr-defined]
        self.decisions.receive("two")  # type: ignore[call-overload]
        await self.hotel.book(room)  # type: ignore[arg-type]
        if workflow.patched(3):  # type: ignore[arg-type]
            workflow.patched()  # type: ignore[call-arg]
        async for decision in self.decisions:
            number: int = decision  # type: ignore[assignment]
            print(number)
        with workflow.unsafe:  # type: ignore[attr-defined]
            print(workflow.info().tag)  # type: ignore[attr-defined]

    async def others(self) -> None:
        one = workflow.get(Language, id="l1")
        text: str = await one.level()  # type: ignore[assignment]
        await one.level(unit=3)  # type: ignore[arg-type]
        await one.add("many")  # type: ignore[arg-type]
        workflow.dispatch(one.add)  # type: ignore[call-arg]
        workflow.get(Language)  # type: ignore[call-overload]
        workflow.all(Language, id="l1")  # type: ignore[call-overload]
        workflow.new(Language, detached="yes")  # type: ignore[call-overload]
        workflow.new(Language, message_id="m1")  # type: ignore[call-overload]
        await workflow.get("Language", id="l1").call("add", [5])  # type: ignore[arg-type]
        await workflow.complete_timers(one, force=True)  # type: ignore[call-arg]
        workflow.task("Cars.rent", timeout="soon")  # type: ignore[arg-type]
        print(text)


async def operating(client: Client) -> None:
    handle = await client.dispatch(client.new(Language).run)
    result = await client.result(handle)
    text: int = result  # type: ignore[assignment]
    await client.retry_tasks(handle, status=3)  # type: ignore[arg-type]
    await client.retry_tasks(handle, state="failed")  # type: ignore[call-arg]
    await client.complete_timers(handle, 3)  # type: ignore[arg-type]
    await handle.cancel(force="yes")  # type: ignore[arg-type]
    await client.get("Language", id="l1").cal("add")  # type: ignore[attr-defined]
    await client.get(Language, id="l1").level("silver", 3)  # type: ignore[call-arg]
    await client.dispatch(client.all(Language, tag="t").add, "many")  # type: ignore[arg-type]
    await client.complete_task(client.service(HotelBooking).book, "t1")  # type: ignore[call-overload]
    client.new(Language).run()  # type: ignore[unused-coroutine]
    handle.result()  # type: ignore[unused-coroutine]
    print(text)


def blocking(client: leveret.sync.Client) -> None:
    client.run(client.get(Language, id="l1").add("many"))  # type: ignore[arg-type]
    text: int = client.result(client.dispatch(client.new(Language).run))  # type: ignore[assignment]
    client.dispatch(client.new(Language).run, laps=3)  # type: ignore[call-arg]
    client.run(client.all(Language, tag="t"))  # type: ignore[arg-type]
    print(text)


class Policies:
    @service.task(retry=3)  # type: ignore[call-overload, untyped-decorator]
    def once(self) -> None: ...

    @service.task(timeout="soon")  # type: ignore[call-overload, untyped-decorator]
    def twice(self) -> None: ...
