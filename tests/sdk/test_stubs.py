import asyncio
from typing import Any

import pytest

from leveret import ArgumentMismatch, NotInWorkflow, workflow
from leveret_broker.errors import PayloadTooLarge
from tests.sdk.fakes import FakeRuntime, settle
from tests.sdk.shop import Booking, Cart, Hotel


async def test_a_call_issues_nothing_until_it_is_awaited(runtime: FakeRuntime) -> None:
    call = Booking().hotel.book(Cart(1))

    assert runtime.calls == []
    assert runtime.watched == [(call, "Hotel.book")]


async def test_an_awaited_call_is_one_task_with_the_stubs_options(runtime: FakeRuntime) -> None:
    task = asyncio.ensure_future(Booking().hotel.book(Cart(1)))
    await settle()

    [call] = runtime.calls
    assert runtime.codec.load(call.arguments) == {"cart": {"rooms": 1}}
    assert (call.service, call.name, call.result) == ("Hotel", "book", str)
    assert (call.timeout, call.tags, call.meta) == (60.0, ("t",), {"k": "v"})
    runtime.operations[0].future.set_result("r")
    assert await task == "r"


async def test_cancelling_an_awaited_call_cancels_its_command(runtime: FakeRuntime) -> None:
    task = asyncio.ensure_future(Booking().hotel.book(Cart(1)))
    await settle()

    task.cancel()
    await settle()

    assert runtime.operations[0].status == "cancelled"


async def test_arguments_are_checked_at_the_call(runtime: FakeRuntime) -> None:
    booking = Booking()

    with pytest.raises(ArgumentMismatch, match=r"Hotel\.book\(\): argument 'cart' does not fit Cart"):
        _ = booking.hotel.book("two")  # type: ignore[arg-type]
    with pytest.raises(ArgumentMismatch, match=r"Hotel\.book\(\): missing a required argument: 'cart'"):
        _ = booking.hotel.book()  # type: ignore[call-arg]
    with pytest.raises(PayloadTooLarge, match=r"Hotel\.cancel\(\): argument 'reservation'"):
        _ = booking.hotel.cancel("x" * 2_000_000)
    assert runtime.calls == []


async def test_a_deferred_is_refused_as_an_argument(runtime: FakeRuntime) -> None:
    booking = Booking()
    reservation = workflow.dispatch(booking.hotel.book, Cart(1))

    with pytest.raises(ArgumentMismatch, match=r"is a deferred.*await it first"):
        _ = booking.hotel.cancel(reservation)  # type: ignore[arg-type]
    with pytest.raises(ArgumentMismatch, match="is a deferred"):
        workflow.task("Hotel.cancel", {"reservation": reservation})


async def test_dispatch_issues_at_once(runtime: FakeRuntime) -> None:
    deferred = workflow.dispatch(Booking().hotel.book, cart=Cart(2))

    assert [call.name for call in runtime.calls] == ["book"]
    assert (deferred.number, deferred.status) == (0, "ongoing")


async def test_dispatch_takes_stub_methods_only(runtime: FakeRuntime) -> None:
    async def other() -> None: ...

    with pytest.raises(ArgumentMismatch, match="a method of a stub"):
        workflow.dispatch(other)


async def test_a_task_by_name_has_plain_arguments_and_any_result(runtime: FakeRuntime) -> None:
    deferred = workflow.task("shop.Hotel.book", {"cart": Cart(1)}, timeout=5)

    [call] = runtime.calls
    runtime.operations[0].future.set_result({"a": 1})
    assert (call.service, call.name, call.timeout) == ("shop.Hotel", "book", 5.0)
    assert await deferred == {"a": 1}
    with pytest.raises(ArgumentMismatch, match=r"'<Service>\.<task>'"):
        workflow.task("book")


def test_outside_of_a_workflow_nothing_can_be_called() -> None:
    booking = Booking()

    for call in (
        lambda: booking.hotel.book(Cart(1)),
        lambda: workflow.dispatch(booking.hotel.book, Cart(1)),
        booking.decisions.receive,
        workflow.now,
        workflow.timer,
    ):
        with pytest.raises(NotInWorkflow):
            call()


def test_a_task_that_the_contract_lacks_is_no_attribute() -> None:
    with pytest.raises(AttributeError, match="service Hotel has no task 'boook'; it has book, cancel"):
        _ = Booking().hotel.boook  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"tags": {7}}, "a tag must be a text, not 7 of type int"),
        ({"tags": "abc"}, "tags must be a set of texts, not 'abc'"),
        ({"tags": [str(number) for number in range(101)]}, "101 tags are too many"),
        ({"meta": {"k": 1}}, "meta must map texts to texts, not hold 1"),
        ({"meta": {"k": "x" * 70_000}}, "meta has 70001 bytes"),
    ],
)
async def test_labels_of_tasks_that_cannot_be_sent_are_refused_where_they_are_given(
    runtime: FakeRuntime, options: dict[str, Any], words: str
) -> None:
    with pytest.raises(ArgumentMismatch, match=words):
        workflow.service(Hotel, **options)
    with pytest.raises(ArgumentMismatch, match=words):
        workflow.task("Hotel.book", **options)
    assert runtime.calls == []
