"""Stubs of other workflows inside a workflow."""

from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from leveret import ArgumentMismatch, ConfigurationError, Deferred, NotInWorkflow, workflow
from leveret.calls import CancelCall, ChildCall, MethodCall, SignalCall, Target
from leveret.start_options import StartPlan
from leveret_broker.codec import Codec
from tests.sdk.fakes import FakeRuntime
from tests.sdk.shop import Booking, BookingContract, Cart, Decision

CODEC = Codec()
CART = CODEC.dump({"cart": {"rooms": 2}})


async def started(runtime: FakeRuntime, call: Coroutine[Any, Any, Any]) -> Any:
    """Begin to await a call, and return its command."""
    call.send(None)
    call.close()
    return runtime.others[-1]


async def test_a_child_is_started_when_it_is_first_awaited(runtime: FakeRuntime) -> None:
    call = workflow.new(Booking, id="b1", tags={"y", "x"}, unique_tag="u", meta={"k": "v"}, timeout=5).book(Cart(2))
    assert runtime.others == []

    child = await started(runtime, call)

    plan = StartPlan("Booking", "b1", ("x", "y"), "u", {"k": "v"}, timeout=5.0)
    assert child == ChildCall(plan, "book", CART, str)
    assert [what for _, what in runtime.watched] == ["Booking.book"]


async def test_a_dispatched_child_is_started_at_once(runtime: FakeRuntime) -> None:
    deferred = workflow.dispatch(workflow.new(BookingContract, detached=True, on_closed="new").book, Cart(2))

    assert isinstance(deferred, Deferred)
    assert runtime.others == [ChildCall(StartPlan("Booking", on_closed="new"), "book", CART, str, detached=True)]


async def test_W16_children_and_calls_by_name_carry_plain_data(runtime: FakeRuntime) -> None:
    child = await started(runtime, workflow.new("Booking").call("book", {"cart": {"rooms": 2}}))
    call = await started(runtime, workflow.get("Booking", id="b1").call("book", {"cart": {"rooms": 2}}))
    workflow.all("Booking", tag="t").dispatch("book")

    assert child == ChildCall(StartPlan("Booking"), "book", CART)
    assert call == MethodCall(Target("Booking", id="b1"), "book", CART)
    assert runtime.others[-1] == MethodCall(Target("Booking", tag="t"), "book", CODEC.dump({}))


async def test_others_are_called_signalled_and_cancelled(runtime: FakeRuntime) -> None:
    other = workflow.get(Booking, id="b1")

    call = await started(runtime, other.book(Cart(2)))
    await other.decisions.send(Decision(yes=True), message_id="m")
    await workflow.cancel(other, "why")

    assert call == MethodCall(Target("Booking", id="b1"), "book", CART, str)
    signal, cancel = runtime.others[1:]
    assert isinstance(signal, SignalCall)
    assert (signal.target, signal.channel, signal.message_id) == (Target("Booking", id="b1"), "decisions", "m")
    assert cancel == CancelCall(Target("Booking", id="b1"), "why")


WRONG: list[tuple[Callable[[], Any], type[Exception], str]] = [
    (lambda: workflow.new(Booking).book("cart"), ArgumentMismatch, "argument 'cart'"),  # type: ignore[arg-type]
    (lambda: workflow.new(Booking, message_id="m"), ConfigurationError, "does not take message_id"),  # type: ignore[call-overload]
    (lambda: workflow.new(Booking, tags="tag"), ArgumentMismatch, "set of texts"),
    (lambda: workflow.new(Booking, id=""), ConfigurationError, "id"),
    (lambda: workflow.new(Booking, meta={"k": 1}), ArgumentMismatch, "meta"),  # type: ignore[dict-item]
    (lambda: workflow.new("no name"), ConfigurationError, "name"),
    (lambda: workflow.new("Booking").call("no name"), ConfigurationError, "method"),
    (lambda: workflow.get(Booking, id="b").books, AttributeError, "has no 'books'"),  # type: ignore[attr-defined]
    (
        lambda: workflow.new(Booking).decisions.send(Decision(yes=True)),
        AttributeError,
        "decisions is there once",
    ),
    (lambda: workflow.all(Booking, tag="t").book(Cart(1)), ArgumentMismatch, "no single result"),
    (lambda: workflow.all("Booking", tag="t").call("book"), ArgumentMismatch, "no single result"),
    (lambda: workflow.cancel(workflow.new(Booking)), ConfigurationError, r"workflow\.get"),
    (lambda: workflow.cancel(workflow.timer(5)), ConfigurationError, r"cancel\(\)"),
    (lambda: workflow.new(Booking).book(workflow.timer(5)), ArgumentMismatch, "deferred"),  # type: ignore[arg-type]
]


@pytest.mark.parametrize(("act", "error", "text"), WRONG)
async def test_W06_what_cannot_be_is_an_error_before_anything_is_sent(
    runtime: FakeRuntime, act: Callable[[], Any], error: type[Exception], text: str
) -> None:
    with pytest.raises(error, match=text):
        act()

    assert runtime.others == []


def test_other_workflows_are_reached_from_a_workflow_only() -> None:
    with pytest.raises(NotInWorkflow):
        _ = workflow.new(Booking).book(Cart(1))
