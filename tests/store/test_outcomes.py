"""What every store promises about tasks that clients called."""

import pytest

from leveret_actors.store.contract import Store
from leveret_actors.store.memory_outcomes import OutcomeTable
from leveret_actors.store.outcomes import WAITERS, Called, CallRecord
from tests.store.conftest import Backend
from tests.store.harness import LONG

SHORT = 0.3


def call(task: str = "t 1", /, *, sequence: int = 0, waiter: str = "me/r1", message: str = "m1") -> Called:
    return Called(task, sequence, waiter, message)


def question(waiter: str = "me/q1") -> Called:
    return Called("t 1", waiter=waiter)


async def note(store: Store, *calls: Called) -> list[CallRecord]:
    return await store.note_calls(calls, LONG)


async def test_the_first_message_is_the_one_by_which_a_task_runs(store: Store) -> None:
    await note(store, call())

    first, again, other = await note(store, call(), call(message="m2", waiter="you/r2"), call("ü {2}", message="m3"))

    assert first == CallRecord(0, "m1", b"", ("me/r1",))
    assert again == CallRecord(0, "m1", b"", ("me/r1", "you/r2"))
    assert other.message == "m3"


async def test_a_question_that_comes_before_its_task_waits_and_is_no_message_to_run_by(store: Store) -> None:
    (before,) = await note(store, question())
    (then,) = await note(store, call())

    assert before.message == ""
    assert then == CallRecord(0, "m1", b"", ("me/q1", "me/r1"))


async def test_the_first_outcome_counts_and_whoever_waited_is_still_there(store: Store) -> None:
    await note(store, call(), question())

    kept = await store.keep_outcome(call(message=""), b"\0one\xff", LONG)
    second = await store.keep_outcome(Called("t 1", waiter="late/r"), b"two", LONG)
    (later,) = await note(store, call(message="m2", waiter="late/r"))

    assert kept == second == later == CallRecord(0, "m1", b"\0one\xff", ("me/r1", "me/q1"))


async def test_an_outcome_may_come_before_its_task(store: Store) -> None:
    await store.keep_outcome(Called("t 1"), b"cancelled", LONG)

    (record,) = await note(store, call())

    assert record.outcome == b"cancelled"


async def test_a_later_life_of_a_task_runs_anew_and_an_earlier_one_does_not_end_it(store: Store) -> None:
    await note(store, call())
    await store.keep_outcome(call(), b"dead", LONG)

    (again,) = await note(store, call(sequence=1, waiter=""))
    stale = await store.keep_outcome(call(), b"late", LONG)
    kept = await store.keep_outcome(call(sequence=1), b"alive", LONG)

    assert again == CallRecord(1, "m1", b"", ("me/r1",))
    assert stale.outcome == b""
    assert (kept.sequence, kept.outcome) == (1, b"alive")


async def test_what_is_over_its_time_is_forgotten(backend: Backend) -> None:
    store = await backend.connect()
    await store.keep_outcome(call(), b"one", SHORT)
    await backend.until(await store.clock() + SHORT)

    (record,) = await note(store, question())

    assert record == CallRecord(0, "", b"", ("me/q1",))


@pytest.mark.parametrize("count", [0, 2500])
async def test_any_number_of_calls_are_noted_in_one_trip(store: Store, count: int) -> None:
    records = await note(store, *(call(f"t{number}") for number in range(count)))

    assert len(records) == count


async def test_of_those_who_ask_again_and_again_the_last_ones_are_kept(store: Store) -> None:
    await note(store, call())
    for first in range(0, WAITERS, 500):
        await note(store, *(question(f"me/q{number}") for number in range(first, first + 500)))

    (record,) = await note(store, question("me/last"))

    assert len(record.waiters) == WAITERS
    assert record.waiters[0] == "me/q1"
    assert record.waiters[-1] == "me/last"


def test_in_memory_the_outdated_ones_are_looked_for_now_and_then_only() -> None:
    table, looked = OutcomeTable(), 0

    for number in range(10_000):
        before = table.rows
        table.put(f"t{number}", CallRecord(), clock=0.0, seconds=60.0)
        looked += table.rows is not before
    for number in range(20_000):
        table.put(f"u{number}", CallRecord(), clock=61.0, seconds=60.0)

    assert looked <= 4
    assert not any(task.startswith("t") for task in table.rows)
