"""What every store promises about owners that come and go: what they must look at, and what they may have died of."""

from leveret_actors.store.contract import Store
from tests.store.harness import LONG, OTHER, QUEUE, batch, own, write


async def test_a_new_owner_hears_of_stalled_actors(store: Store) -> None:
    epoch = await own(store)
    await store.commit(QUEUE, epoch, batch(write("a", stalled=True), write("b"), write("c", stalled=True)))
    await store.commit(QUEUE, epoch, batch(write("c")))

    assert (await store.take_over(QUEUE, "node-2")).stalled == ("a",)
    assert (await store.take_over(OTHER, "node-2")).stalled == ()


async def test_the_nodes_that_tried_an_actor_are_known_over_owners_until_a_commit(store: Store) -> None:
    epoch = await own(store)
    await store.mark_attempts(QUEUE, epoch, ["a"], "node-1")
    await store.mark_attempts(QUEUE, epoch, ["a"], "node-1")
    epoch = await own(store, node="node-2")
    await store.mark_attempts(QUEUE, epoch, ["a", "b"], "node-2")
    assert await store.tried(QUEUE, ["b", "a", "c"]) == [{"node-2"}, {"node-1", "node-2"}, frozenset()]
    assert await store.tried(OTHER, ["a"]) == [frozenset()]

    await store.commit(QUEUE, epoch, batch(write("a")))

    assert await store.tried(QUEUE, ["a", "b"]) == [frozenset(), {"node-2"}]


async def test_who_had_an_actor_without_a_mark_is_noted_with_the_first_mark_only(store: Store) -> None:
    epoch = await own(store, node="node-2")
    await store.mark_attempts(QUEUE, epoch, ["a"], "node-2", before="node-1")
    epoch = await own(store, node="node-4")

    await store.mark_attempts(QUEUE, epoch, ["a", "b"], "node-4", before="node-3")

    assert await store.tried(QUEUE, ["a", "b"]) == [{"node-1", "node-2", "node-4"}, {"node-3", "node-4"}]


async def test_a_new_owner_hears_who_had_the_queue_unless_that_released_it(store: Store) -> None:
    first = await store.take_over(QUEUE, "node-1")
    second = await store.take_over(QUEUE, "node-2")
    again = await store.take_over(QUEUE, "node-2")
    await store.release(QUEUE, first.epoch)
    third = await store.take_over(QUEUE, "node-3")
    await store.release(QUEUE, third.epoch)
    fourth = await store.take_over(QUEUE, "node-4")

    assert [taken.before for taken in (first, second, again, third, fourth)] == ["", "node-1", "", "node-2", ""]


async def test_a_released_queue_has_no_owner(store: Store) -> None:
    await store.heartbeat("node-1", {}, lifetime=LONG)
    epoch = await own(store)
    assert await store.owners([QUEUE]) == ["node-1"]

    await store.release(QUEUE, epoch)

    assert await store.owners([QUEUE]) == [None]


async def test_a_commit_clears_the_attempts_of_survivors_that_write_nothing(store: Store) -> None:
    epoch = await own(store)
    await store.mark_attempts(QUEUE, epoch, ["a", "b"], "node-1")

    await store.commit(QUEUE, epoch, batch(survived=("a",)))

    assert await store.tried(QUEUE, ["a", "b"]) == [frozenset(), {"node-1"}]
