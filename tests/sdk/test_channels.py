import asyncio
from typing import Any

import pytest

from leveret import ArgumentMismatch, ConfigurationError, workflow
from tests.sdk.fakes import FakeRuntime, settle
from tests.sdk.shop import Booking, Decision


async def test_receiving_is_a_command_with_the_wire_name(runtime: FakeRuntime) -> None:
    deferred = Booking().live.receive()

    runtime.operations[0].future.set_result("hello")
    assert [call.channel for call in runtime.receives] == ["onAir"]
    assert await deferred == "hello"


async def test_awaiting_again_is_the_next_signal(runtime: FakeRuntime) -> None:
    deferred = Booking().decisions.receive()
    got: list[Any] = []

    async def take_two() -> None:
        got.extend([await deferred, await deferred])

    task = asyncio.ensure_future(take_two())
    for value in ("a", "b"):
        await settle()
        runtime.operations[-1].future.set_result(value)
    await task

    assert (got, len(runtime.receives)) == (["a", "b"], 2)


async def test_iteration_gives_every_signal_in_order(runtime: FakeRuntime) -> None:
    got: list[str | int] = []

    async def take() -> None:
        async for note in Booking().notes:
            got.append(note)
            if note == 3:
                return

    task = asyncio.ensure_future(take())
    for value in (1, 2, 3):
        await settle()
        runtime.operations[-1].future.set_result(value)
    await task

    assert got == [1, 2, 3]


async def test_a_type_and_a_predicate_select_together(runtime: FakeRuntime) -> None:
    Booking().notes.receive(int, where=lambda n: n > 3)

    accepts = runtime.receives[0].accepts
    assert accepts is not None
    assert [accepts(value) for value in (2, 4, "text")] == [False, True, False]


async def test_a_number_takes_that_many(runtime: FakeRuntime) -> None:
    notes = Booking().notes
    notes.receive(3)
    notes.receive(str, 2)

    assert [call.count for call in runtime.receives] == [3, 2]
    assert runtime.receives[0].accepts is None


@pytest.mark.parametrize("wrong", [(0,), (1, 2), (str, int), ("text",), (str, 1, 1)])
async def test_anything_else_is_refused(runtime: FakeRuntime, wrong: tuple[Any, ...]) -> None:
    with pytest.raises(ArgumentMismatch, match=r"Booking\.notes\.receive"):
        Booking().notes.receive(*wrong)


async def test_a_path_selects_by_what_the_json_of_a_signal_would_be(runtime: FakeRuntime) -> None:
    Booking().decisions.receive(where="$[?@.yes == true]")
    Booking().notes.receive(str, where="$[?@ == 'x']")

    takes = [call.accepts for call in runtime.receives]
    assert takes[0] is not None
    assert takes[1] is not None
    assert [takes[0](Decision(yes=yes)) for yes in (True, False)] == [True, False]
    assert [takes[1](value) for value in ("x", "y", 1)] == [True, False, False]


@pytest.mark.parametrize(
    ("path", "column"),
    [("$[?@.user = 'u1']", 11), ("$[?", 4), ("user", 1), ("", 1), ("$[?none(@.a)]", 4), ("$[?@.a =~ /a/]", 8)],
)
async def test_a_bad_path_is_refused_at_the_call_with_its_column(runtime: FakeRuntime, path: str, column: int) -> None:
    with pytest.raises(ArgumentMismatch, match=rf"Booking\.notes\.receive\(\): .* is bad at column {column}: \w"):
        Booking().notes.receive(where=path)

    assert not runtime.receives


async def test_a_predicate_is_a_function_or_a_path(runtime: FakeRuntime) -> None:
    with pytest.raises(ArgumentMismatch, match="must be a function or a JSONPath"):
        Booking().notes.receive(where=3)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue, reportArgumentType]


async def test_a_receiver_that_lost_is_withdrawn_and_asks_again_when_needed(runtime: FakeRuntime) -> None:
    signal = Booking().decisions.receive()
    timer = workflow.timer(seconds=1)
    runtime.operations[1].future.set_result(None)

    assert (await workflow.first(signal=signal, late=timer)).name == "late"
    assert runtime.operations[0].status == "cancelled"

    again = workflow.first(signal=signal)
    runtime.operations[-1].future.set_result(Decision(yes=True))
    assert (await again).value == Decision(yes=True)


async def test_a_signal_that_a_loser_had_got_is_given_back(runtime: FakeRuntime) -> None:
    booking = Booking()
    notes, decisions = booking.notes.receive(), booking.decisions.receive()
    runtime.operations[0].future.set_result(7)
    runtime.operations[1].future.set_result(Decision(yes=True))
    assert (await workflow.first(notes=notes, decisions=decisions)).name == "notes"

    assert runtime.given_back == [runtime.operations[1]]


async def test_a_signal_that_came_in_the_turn_in_which_its_receiver_was_cancelled_is_given_back(
    runtime: FakeRuntime,
) -> None:
    booking = Booking()

    async def take() -> Decision:
        return await booking.decisions.receive()

    task = asyncio.ensure_future(take())
    await settle()
    runtime.operations[0].future.set_result(Decision(yes=True))
    task.cancel()
    await asyncio.wait([task])

    assert task.cancelled()
    assert runtime.given_back == [runtime.operations[0]]


@pytest.mark.parametrize("steps", [0, 1, 2])
async def test_signals_of_a_combination_whose_waiter_was_cancelled_are_given_back_unless_it_has_them(
    runtime: FakeRuntime, steps: int
) -> None:
    booking = Booking()

    async def take() -> object:
        return await workflow.first(
            one=booking.notes.receive() & booking.notes.receive(), two=workflow.timer(seconds=9)
        )

    task = asyncio.ensure_future(take())
    await settle()
    for operation in runtime.operations[:2]:
        operation.future.set_result(7)
    for _ in range(steps):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    await settle()

    assert task.cancelled()
    assert runtime.given_back == runtime.operations[:2]


async def test_what_somebody_has_seen_of_a_combination_stays_with_it(runtime: FakeRuntime) -> None:
    either = Booking().notes.receive() | Booking().notes.receive()
    runtime.operations[0].future.set_result(7)

    async def take() -> object:
        return await either

    late = asyncio.ensure_future(take())
    assert await either == 7
    late.cancel()
    await asyncio.wait([late])

    assert await either == 7
    assert not runtime.given_back


async def test_a_workflow_does_not_send_on_its_own_channels(runtime: FakeRuntime) -> None:
    with pytest.raises(ConfigurationError, match=r"Client\.get"):
        await Booking().decisions.send(Decision(yes=True))
