"""What every store promises about rates and pauses."""

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leveret_actors.store.contract import Store
from leveret_actors.store.restraints import Draw, Entry, Seat, drawn
from tests.store.conftest import Backend


def draw(count: int = 1, *, bucket: str = "Hotel", rate: float = 0.001, most: int = 10) -> Draw:
    """So slow by default that nothing comes back while a test runs."""
    return Draw(bucket, count, rate, most)


async def test_a_bucket_gives_what_it_holds_and_then_says_how_long_to_wait(store: Store) -> None:
    (first,) = await store.draw([draw(4)])
    (second,) = await store.draw([draw(9)])
    (third,) = await store.draw([draw()])

    assert [one.count for one in (first, second, third)] == [4, 6, 0]
    assert first.wait == 0
    assert second.wait == pytest.approx(1000, abs=30)
    assert third.wait == pytest.approx(1000, abs=30)


async def test_one_trip_draws_from_many_buckets_which_know_nothing_of_each_other(store: Store) -> None:
    found = await store.draw([draw(2, bucket="a {ü}", most=1), draw(2, bucket="b"), draw(0, bucket="c")])

    assert [one.count for one in found] == [1, 2, 0]
    assert await store.draw([]) == []


async def test_a_bucket_that_a_slower_rate_emptied_counts_as_just_empty(store: Store) -> None:
    await store.draw([draw(10, rate=0.001)])

    (found,) = await store.draw([draw(10, rate=0.01, most=2)])

    assert found.count == 0
    assert found.wait == pytest.approx(100, abs=5)


async def test_tokens_come_back_with_the_time_and_no_more_than_fit(backend: Backend) -> None:
    store = await backend.connect()
    before = await store.clock()
    await store.draw([draw(10, rate=20)])
    emptied = await store.clock()

    await backend.until(emptied + 0.21)
    (some,) = await store.draw([draw(10, rate=20)])
    left = await store.clock() - before
    await backend.until(await store.clock() + 0.8)
    (full,) = await store.draw([draw(100, rate=20)])

    assert 4 <= some.count <= left * 20
    assert full.count == 10


async def test_nodes_share_a_bucket(backend: Backend) -> None:
    stores = [await backend.connect() for _ in range(3)]

    found = await asyncio.gather(*(store.draw([draw(3)]) for store in stores for _ in range(2)))

    assert sum(one.count for (one,) in found) == 10


def entry(seat: str, *, room: str = "Mails:t1", seats: int = 2, rate: float = 0.0, most: int = 0) -> Entry:
    return Entry(room, seat, seats, rate, most)


async def inside(store: Store, *entries: Entry, leaving: Sequence[Seat] = (), seconds: float = 60.0) -> list[bool]:
    return [one.inside for one in await store.enter(entries, leaving, seconds)]


async def test_a_room_has_its_seats_for_all_nodes_and_rooms_know_nothing_of_each_other(backend: Backend) -> None:
    first, second = await backend.connect(), await backend.connect()

    here = await inside(first, entry("a"), entry("b"), entry("c"), entry("a ü", room="Mails:{t2}"))
    there = await inside(second, entry("d"), entry("e", room="Mails:{t2}"), entry("f", room="Mails:{t2}"))

    assert here == [True, True, False, True]
    assert there == [False, True, False]
    assert await inside(first) == []


async def test_who_has_a_seat_keeps_it_and_one_that_is_given_up_can_be_taken_in_the_same_trip(store: Store) -> None:
    await inside(store, entry("a"), entry("b"))

    again = await inside(store, entry("a"), entry("c"))
    after = await inside(store, entry("c"), entry("d"), leaving=[Seat("Mails:t1", "a"), Seat("nowhere", "a")])

    assert again == [True, False]
    assert after == [True, False]


async def test_a_seat_is_free_again_after_its_time_unless_it_is_kept(backend: Backend) -> None:
    store = await backend.connect()
    await inside(store, entry("a"), entry("b"), seconds=0.3)
    await store.stay([Seat("Mails:t1", "a")], 60.0)
    await store.stay([], 60.0)

    await backend.until(await store.clock() + 0.35)

    assert await inside(store, entry("c"), entry("d")) == [True, False]


async def test_who_enters_takes_a_token_and_no_seat_where_there_is_none(store: Store) -> None:
    slow = {"seats": 5, "rate": 0.001, "most": 2}

    found = await store.enter([entry(name, **slow) for name in "aab"], (), 60.0)  # type: ignore[arg-type]
    seats = await inside(store, *[entry(name, seats=5) for name in "cdefg"])

    assert [one.inside for one in found] == [True, True, False]
    assert found[-1].wait == pytest.approx(1000, abs=30)
    assert seats == [True, True, True, True, False]


async def test_a_room_without_a_number_of_seats_has_its_rate(store: Store) -> None:
    found = await store.enter([entry(name, seats=0, rate=0.001, most=2) for name in "abc"], (), 60.0)

    assert [one.inside for one in found] == [True, True, False]


async def test_a_pause_is_durable_and_for_all_nodes_until_it_is_taken_off(backend: Backend) -> None:
    store = await backend.connect()

    changed = [await store.pause(name, paused=True) for name in ("Hotel", "Car ü", "Hotel")]
    elsewhere = await (await backend.connect()).paused()
    back = [await store.pause("Hotel", paused=False) for _ in range(2)]

    assert changed == [True, True, False]
    assert elsewhere == {"Hotel", "Car ü"}
    assert back == [True, False]
    assert await store.paused() == {"Car ü"}


@given(
    rate=st.floats(0.01, 1000),
    most=st.integers(1, 50),
    draws=st.lists(st.tuples(st.floats(0, 5), st.integers(0, 60)), max_size=30),
)
def test_in_no_span_of_time_comes_more_than_the_rate_and_one_burst(
    rate: float, most: int, draws: list[tuple[float, int]]
) -> None:
    clock, full, given_out = 1_800_000_000.0, 0.0, list[tuple[float, int]]()

    for pause, count in draws:
        clock += pause
        full, found = drawn(full, clock, Draw("b", count, rate, most))
        given_out.append((clock, found.count))
        assert (found.wait == 0) is (found.count == count)

    for number, (begin, _) in enumerate(given_out):
        for end, total in _sums(given_out[number:]):
            assert total <= most + (end - begin) * rate + 0.01


def test_a_bucket_that_another_clock_emptied_far_ahead_counts_as_just_empty() -> None:
    full, found = drawn(5000.0, 1000.0, Draw("b", 1, 10.0, 5))

    assert found.count == 0
    assert found.wait == pytest.approx(0.1)
    assert full == pytest.approx(1000.5)


def _sums(given_out: list[tuple[float, int]]) -> list[tuple[float, int]]:
    total, found = 0, list[tuple[float, int]]()
    for clock, count in given_out:
        total += count
        found.append((clock, total))
    return found
