"""What both type checkers must refuse; nothing here is run.

Each wrong line is ignored by its code, and both checkers complain about an ignore that is not needed.
"""

# pyright: reportUnnecessaryTypeIgnoreComment=true

from datetime import datetime
from typing import Protocol

from leveret import Client, service, workflow
from leveret.interceptors import TaskIssue, WorkflowInterceptor
from leveret_actors import Node
from tests.typing.accepts import Booking, Cart, Decision, HotelBooking


class Wrong(HotelBooking):
    @service.task
    def book(self, cart: Cart) -> int:  # type: ignore[override]
        return 1

    @service.task
    def cancel(self, reservation: str) -> None: ...


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
    Node("memory://", listeners=[print_nothing])  # type: ignore[list-item]
    Node("memory://", interceptors=["around"])  # type: ignore[list-item]


def print_nothing() -> None: ...
