import asyncio
from typing import Any

import pytest

from leveret import ArgumentMismatch, Deferred, TaskFailed, TaskTimedOut, workflow
from leveret.errors import WorkflowUnknown
from tests.sdk.fakes import FakeOperation, FakeRuntime, settle
from tests.sdk.shop import Booking, Cart


def dispatch(runtime: FakeRuntime) -> tuple[Deferred[str], FakeOperation]:
    deferred = workflow.dispatch(Booking.hotel.book, Cart(1))
    return deferred, runtime.operations[-1]


async def test_a_deferred_gives_its_value_to_everyone_who_awaits_it(runtime: FakeRuntime) -> None:
    deferred, operation = dispatch(runtime)
    operation.future.set_result("r")

    assert [await deferred, await deferred] == ["r", "r"]


async def test_both_is_a_flat_tuple_in_order(runtime: FakeRuntime) -> None:
    (a, oa), (b, ob), (c, oc) = dispatch(runtime), dispatch(runtime), dispatch(runtime)
    all_three = a & b & c
    oc.future.set_result("c")
    oa.future.set_result("a")
    ob.future.set_result("b")

    assert await all_three == ("a", "b", "c")
    assert all_three.status == "completed"


async def test_both_fails_with_the_first_failure_at_once(runtime: FakeRuntime) -> None:
    (a, oa), (b, ob) = dispatch(runtime), dispatch(runtime)
    both = a & b
    ob.future.set_exception(TaskFailed("b failed"))

    with pytest.raises(TaskFailed, match="b failed"):
        await both
    assert (both.status, a.status, oa.future.done()) == ("failed", "ongoing", False)


async def test_either_is_the_first_to_complete_however_late_it_is_awaited(runtime: FakeRuntime) -> None:
    (a, oa), (b, ob) = dispatch(runtime), dispatch(runtime)
    either = a | b
    ob.future.set_result("b")
    await settle()
    oa.future.set_result("a")
    await settle()

    assert [await either, await either] == ["b", "b"]


async def test_either_fails_only_when_all_failed_with_the_last_failure(runtime: FakeRuntime) -> None:
    (a, oa), (b, ob), (c, oc) = dispatch(runtime), dispatch(runtime), dispatch(runtime)
    either = a | b | c
    for operation, text in ((oc, "c"), (oa, "a"), (ob, "b")):
        assert either.status == "ongoing"
        operation.future.set_exception(TaskFailed(text))
        await settle()

    with pytest.raises(TaskFailed, match=r"^b$"):
        await either


async def test_a_failure_beside_a_success_does_not_count(runtime: FakeRuntime) -> None:
    (a, oa), (b, ob) = dispatch(runtime), dispatch(runtime)
    oa.future.set_exception(TaskFailed("a"))
    ob.future.set_result("b")

    assert await (a | b) == "b"


async def test_combinations_nest(runtime: FakeRuntime) -> None:
    (a, oa), (b, _), (c, oc) = dispatch(runtime), dispatch(runtime), dispatch(runtime)
    nested = a & (b | c)
    oc.future.set_result("c")
    oa.future.set_result("a")

    assert await nested == ("a", "c")


async def test_lists_have_all_of_and_any_of(runtime: FakeRuntime) -> None:
    pairs = [dispatch(runtime) for _ in range(200)]
    everything = workflow.all_of(deferred for deferred, _ in pairs)
    anything = workflow.any_of([deferred for deferred, _ in pairs])
    for number, (_, operation) in reversed(list(enumerate(pairs))):
        operation.future.set_result(str(number))

    assert await everything == [str(number) for number in range(200)]
    assert await anything == "199"
    assert await workflow.all_of([]) == []
    with pytest.raises(ArgumentMismatch, match="nothing to wait for"):
        workflow.any_of([])


async def test_first_names_the_winner(runtime: FakeRuntime) -> None:
    (a, _), (b, ob) = dispatch(runtime), dispatch(runtime)
    ob.future.set_result("b")

    won = await workflow.first(slow=a, quick=b)

    assert (won.name, won.value) == ("quick", "b")


async def test_a_coroutine_is_no_part_of_a_combination(runtime: FakeRuntime) -> None:
    deferred, _ = dispatch(runtime)
    call: Any = Booking.hotel.book(Cart(1))

    with pytest.raises(ArgumentMismatch, match=r"is not a deferred; workflow\.dispatch"):
        _ = deferred & call


async def test_a_deferred_is_neither_true_nor_false(runtime: FakeRuntime) -> None:
    (a, _), (b, _) = dispatch(runtime), dispatch(runtime)

    things: tuple[object, ...] = (a, a | b, a & b)
    for thing in things:  # what `or`, `and`, `not` and `if` ask
        with pytest.raises(ArgumentMismatch, match=r"combine deferreds by \| and &"):
            bool(thing)


async def test_a_lost_task_goes_on_and_a_lost_timer_is_withdrawn(runtime: FakeRuntime) -> None:
    (a, oa), (b, ob) = dispatch(runtime), dispatch(runtime)
    late = workflow.timer(days=2)
    oa.future.set_result("a")

    await workflow.first(a=a, b=b, late=late)

    assert (b.status, late.status) == ("ongoing", "cancelled")
    assert not ob.future.done()


async def test_a_withdrawn_timer_is_set_again_for_the_same_time_when_it_is_needed(runtime: FakeRuntime) -> None:
    late = workflow.timer(days=2)
    for _ in range(2):
        deferred, operation = dispatch(runtime)
        operation.future.set_result("r")
        assert (await workflow.first(task=deferred, late=late)).name == "task"
    waiting = asyncio.ensure_future(_wait(late))
    await settle()
    runtime.operations[-1].future.set_result(None)

    await waiting
    assert len(runtime.timers) == 3
    assert len(set(runtime.timers)) == 1


async def _wait(deferred: Deferred[None]) -> None:
    await deferred


async def test_a_timer_that_somebody_else_waits_for_is_not_withdrawn(runtime: FakeRuntime) -> None:
    late = workflow.timer(days=2)
    other = asyncio.ensure_future(_wait(late))
    await settle()
    deferred, operation = dispatch(runtime)
    operation.future.set_result("r")

    await workflow.first(task=deferred, late=late)

    assert late.status == "ongoing"
    other.cancel()
    await asyncio.wait([other])


async def test_a_timer_lets_everything_win_that_completed_in_the_same_turn(runtime: FakeRuntime) -> None:
    late = workflow.timer(days=2)
    signal = Booking().decisions.receive()
    won = workflow.first(late=late, signal=signal)
    runtime.operations[0].future.set_result(None)
    runtime.operations[1].future.set_result("yes")

    assert (await won).name == "signal"


async def test_losing_combinations_withdraw_their_timers_and_receivers(runtime: FakeRuntime) -> None:
    booking = Booking()
    inner = booking.decisions.receive() & workflow.timer(hours=1)
    deferred, operation = dispatch(runtime)
    operation.future.set_result("r")

    await workflow.first(task=deferred, inner=inner)

    assert [o.status for o in runtime.operations] == ["cancelled", "cancelled", "completed"]


async def test_cancelling_is_idempotent_and_reaches_the_parts(runtime: FakeRuntime) -> None:
    (a, _), (b, _) = dispatch(runtime), dispatch(runtime)
    both = a & b

    both.cancel()
    both.cancel()
    await settle()

    assert (both.status, a.status, b.status) == ("cancelled", "cancelled", "cancelled")
    with pytest.raises(asyncio.CancelledError):
        await a


async def test_a_cancelled_part_cancels_all_and_is_a_failure_for_any(runtime: FakeRuntime) -> None:
    (a, _), (b, ob) = dispatch(runtime), dispatch(runtime)
    both, either = a & b, a | b
    a.cancel()
    ob.future.set_result("b")

    with pytest.raises(asyncio.CancelledError):
        await both
    assert await either == "b"


async def test_statuses_are_those_of_the_failure(runtime: FakeRuntime) -> None:
    (a, oa), (b, ob) = dispatch(runtime), dispatch(runtime)
    oa.future.set_exception(TaskTimedOut("late"))
    ob.future.set_exception(WorkflowUnknown("gone"))
    combined = workflow.any_of([a, b])
    await settle()

    assert (a.status, b.status, combined.status) == ("timed_out", "unknown", "unknown")


async def test_a_failed_combination_that_nobody_awaits_is_no_news(runtime: FakeRuntime) -> None:
    complaints: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    (a, oa), (b, _) = dispatch(runtime), dispatch(runtime)
    both = a & b
    oa.future.set_exception(TaskFailed("a"))
    await settle()

    del both, a, b, oa
    runtime.operations.clear()
    await settle()
    assert complaints == []


async def test_gather_wait_for_and_shield_take_deferreds(runtime: FakeRuntime) -> None:
    (a, oa), (b, ob), (c, _) = dispatch(runtime), dispatch(runtime), dispatch(runtime)
    oa.future.set_result("a")
    ob.future.set_result("b")

    assert tuple(await asyncio.gather(a, b, a & b)) == ("a", "b", ("a", "b"))
    assert await asyncio.wait_for(a, 5) == "a"
    shielded = asyncio.shield(c)
    shielded.cancel()
    await settle()
    assert c.status == "ongoing"


async def test_hashes_come_from_numbers_so_that_sets_have_one_order(runtime: FakeRuntime) -> None:
    (a, _), (b, _) = dispatch(runtime), dispatch(runtime)

    assert (hash(a), hash(b)) == (hash(0), hash(1))
    assert hash(a & b) == hash(a | b) == hash((0, 1))
    assert a != b
