"""What every store promises about timers and about what vanishes."""

from leveret_actors.store.contract import Store, Timer
from tests.store.conftest import Backend
from tests.store.harness import LONG, OTHER, QUEUE, batch, join, journal, own, record, timer, write


async def test_timers_become_due_earliest_first(backend: Backend) -> None:
    store = await backend.connect()
    epoch = await own(store)
    now = await store.clock()
    timers = [timer("a", 1, now + 0.2), timer("a", 2, now + LONG), timer("a", 3, now - 5.0)]
    await store.commit(
        QUEUE, epoch, batch(write("a", timers=tuple(timers)), write("b", timers=(timer("b", 1, now - 9.0),)))
    )

    early = await store.due(QUEUE, 10)
    await backend.until(now + 0.2)
    late = await store.due(QUEUE, 10)

    assert early.timers == (timer("b", 1, now - 9.0), timers[2])
    assert early.next_due == now + 0.2
    assert late.timers == (timer("b", 1, now - 9.0), timers[2], timers[0])
    assert late.next_due == now + LONG
    assert late.clock > now + 0.2


async def test_due_timers_stay_until_a_commit_removes_them(store: Store) -> None:
    epoch = await own(store)
    await store.commit(QUEUE, epoch, batch(write("a", timers=(timer("a", 1, 1.0), timer("a", 2, 2.0)))))
    assert len((await store.due(QUEUE, 10)).timers) == len((await store.due(QUEUE, 10)).timers) == 2

    await store.commit(QUEUE, epoch, batch(write("a", timers_removed=(("run", 1), ("other run", 2), ("run", 99)))))

    assert (await store.due(QUEUE, 10)).timers == (timer("a", 2, 2.0),)
    assert (await store.due(OTHER, 10)).timers == ()


async def test_a_limit_leaves_the_rest_for_later(store: Store) -> None:
    epoch = await own(store)
    timers = tuple(timer("a", number, 10.0 + number) for number in range(5))
    await store.commit(QUEUE, epoch, batch(write("a", timers=timers)))

    due = await store.due(QUEUE, 2)

    assert (due.timers, due.next_due) == (timers[:2], 12.0)


async def test_setting_a_timer_again_moves_it(store: Store) -> None:
    epoch = await own(store)
    await store.commit(QUEUE, epoch, batch(write("a", timers=(timer("a", 1, 1.0),))))
    await store.commit(QUEUE, epoch, batch(write("a", timers=(timer("a", 1, 2.0),))))

    assert (await store.due(QUEUE, 10)).timers == (timer("a", 1, 2.0),)


async def test_a_timer_removed_and_set_in_one_turn_is_set(store: Store) -> None:
    epoch = await own(store)
    await store.commit(QUEUE, epoch, batch(write("a", timers=(timer("a", 1, 1.0),))))
    await store.commit(QUEUE, epoch, batch(write("a", timers=(timer("a", 1, 2.0),), timers_removed=(("run", 1),))))

    assert (await store.due(QUEUE, 10)).timers == (timer("a", 1, 2.0),)


async def test_a_new_owner_hears_when_the_first_timer_is_due(store: Store) -> None:
    epoch = await own(store)
    assert (await store.take_over(OTHER, "node-1")).next_due == 0
    assert (await store.due(QUEUE, 10)).next_due == 0
    await store.commit(QUEUE, epoch, batch(write("a", timers=(timer("a", 1, 9e9), timer("a", 2, 8e9)))))

    assert (await store.take_over(QUEUE, "node-2")).next_due == 8e9


async def test_times_and_numbers_are_exact(store: Store) -> None:
    epoch = await own(store)
    timers = tuple(
        Timer("a", run, number, at)
        for run, number, at in [
            ("r", 2**53 - 1, 1_700_000_000.123457),
            ("r", 0, 1_700_000_000.123456),
            ("s", 7, 0.000001),
        ]
    )
    await store.commit(QUEUE, epoch, batch(write("a", timers=timers), members=(join("t", 2**53 - 1, "i"),)))

    assert set((await store.due(QUEUE, 10)).timers) == set(timers)
    assert (await store.due(QUEUE, 10)).timers[1:] == (timers[1], timers[0])
    assert await store.find_members(QUEUE, "t", [("i", "run")]) == [2**53 - 1]


async def test_what_is_past_its_time_vanishes_completely(backend: Backend) -> None:
    store = await backend.connect()
    epoch = await own(store)
    now = await store.clock()
    gone = write("a", b"1", expires=now + 0.2, timers=(timer("a", 1, now + LONG),), stalled=True)
    await store.commit(QUEUE, epoch, batch(gone, write("b", expires=now + LONG), write("c")))
    await store.commit(QUEUE, epoch, batch(members=(join("a", 1, "i"),)))

    assert await store.expire(QUEUE, epoch, keep=100, limit=10) == 0
    await backend.until(now + 0.2)
    assert await store.expire(QUEUE, epoch, keep=100, limit=10) == 1
    assert await store.expire(QUEUE, epoch, keep=100, limit=10) == 0

    assert [found is None for found in await store.load(QUEUE, ["a", "b", "c"])] == [True, False, False]
    assert await journal(store, "a") == []
    assert await store.members(QUEUE, "a", 0, 10) == []
    assert [row.actor for row in await store.instances(QUEUE, "running", "", 10)] == ["b", "c"]
    taken = await store.take_over(QUEUE, "node-2")
    assert (taken.stalled, taken.next_due) == ((), 0)


async def test_an_expiry_that_a_later_turn_takes_back_does_not_happen(store: Store) -> None:
    epoch = await own(store)
    await store.commit(QUEUE, epoch, batch(write("a", expires=1.0)))
    await store.commit(QUEUE, epoch, batch(write("a")))

    assert await store.expire(QUEUE, epoch, keep=0, limit=10) == 0
    assert await record(store, "a") is not None


async def test_of_the_closed_the_newest_are_kept(backend: Backend) -> None:
    store = await backend.connect()
    epoch = await own(store)
    later = await store.clock() + LONG
    for actor in ["c", "a", "d", "b"]:
        await store.commit(QUEUE, epoch, batch(write(actor, status="completed", closed=True, expires=later)))
        await backend.tick()
    await store.commit(QUEUE, epoch, batch(write("open"), write("failed", status="failed", expires=later)))

    removed = [await store.expire(QUEUE, epoch, keep=1, limit=2) for _ in range(3)]

    assert removed == [2, 1, 0]
    assert [row.actor for row in await store.instances(QUEUE, "completed", "", 10)] == ["b"]
    assert await record(store, "open") is not None
    assert await record(store, "failed") is not None


async def test_reopened_actors_do_not_count_as_closed(backend: Backend) -> None:
    store = await backend.connect()
    epoch = await own(store)
    await store.commit(QUEUE, epoch, batch(write("a", status="completed", closed=True)))
    await backend.tick()
    await store.commit(QUEUE, epoch, batch(write("a")))

    assert await store.expire(QUEUE, epoch, keep=0, limit=10) == 0


async def test_a_deleted_actor_leaves_nothing(store: Store) -> None:
    epoch = await own(store)
    await store.commit(
        QUEUE, epoch, batch(write("a", b"1", stalled=True, timers=(timer("a", 1, 1.0),)), write("b", b"1"))
    )
    await store.commit(QUEUE, epoch, batch(members=(join("a", 1, "i"), join("b", 1, "i"))))

    await store.commit(QUEUE, epoch, batch(write("a", delete=True)))

    assert await record(store, "a") is None
    assert await journal(store, "a") == []
    assert (await store.due(QUEUE, 10)).timers == ()
    assert await store.members(QUEUE, "a", 0, 10) == []
    assert len(await store.members(QUEUE, "b", 0, 10)) == 1
    assert [row.actor for row in await store.instances(QUEUE, "running", "", 10)] == ["b"]
    assert (await store.take_over(QUEUE, "node-2")).stalled == ()


async def test_who_comes_back_after_a_deletion_starts_empty(store: Store) -> None:
    epoch = await own(store)
    await store.commit(QUEUE, epoch, batch(write("a", b"old")))
    await store.commit(QUEUE, epoch, batch(write("a", delete=True)))
    await store.commit(QUEUE, epoch, batch(write("a", b"new", new_run=True)))

    assert await journal(store, "a") == [b"new"]
