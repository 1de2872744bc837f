"""What every store promises about members and listings."""

from leveret_actors.store.contract import Member, MemberWrite, Store
from tests.store.conftest import Backend
from tests.store.harness import OTHER, QUEUE, batch, join, own, write


async def test_members_come_in_pages_by_join_number(store: Store) -> None:
    epoch = await own(store)
    numbers = [5, 1, 30, 4, 200, 17]
    await store.commit(QUEUE, epoch, batch(members=tuple(join("t", number, f"i{number}") for number in numbers)))

    first = await store.members(QUEUE, "t", 0, 4)
    second = await store.members(QUEUE, "t", first[-1].number, 4)

    assert first == [Member(number, f"i{number}", "run") for number in [1, 4, 5, 17]]
    assert second == [Member(number, f"i{number}", "run") for number in [30, 200]]
    assert await store.members(QUEUE, "t", 200, 4) == []
    assert await store.members(QUEUE, "u", 0, 4) == []
    assert await store.members(OTHER, "t", 0, 4) == []


async def test_runs_of_one_instance_are_different_members(store: Store) -> None:
    epoch = await own(store)
    await store.commit(QUEUE, epoch, batch(members=(join("t", 1, "i", "run-1"), join("t", 2, "i", "run-2"))))

    await store.commit(QUEUE, epoch, batch(members=(join("t", 0, "i", "run-1"), join("t", 0, "stranger"))))

    assert await store.members(QUEUE, "t", 0, 9) == [Member(2, "i", "run-2")]
    assert await store.find_members(QUEUE, "t", [("i", "run-1"), ("i", "run-2"), ("x", "y")]) == [0, 2, 0]


async def test_joining_again_replaces_the_number(store: Store) -> None:
    epoch = await own(store)
    await store.commit(QUEUE, epoch, batch(members=(join("t", 1, "i"),)))
    await store.commit(QUEUE, epoch, batch(members=(join("t", 9, "i"),)))

    assert await store.members(QUEUE, "t", 0, 9) == [Member(9, "i", "run")]


async def test_changes_of_one_batch_apply_in_order(store: Store) -> None:
    epoch = await own(store)
    changes = (join("t", 1, "i"), join("t", 0, "i"), join("t", 0, "j"), join("t", 2, "j"))

    await store.commit(QUEUE, epoch, batch(members=changes))

    assert await store.members(QUEUE, "t", 0, 9) == [Member(2, "j", "run")]


async def test_separators_in_ids_mix_nothing_up(store: Store) -> None:
    epoch = await own(store)
    members = [("a:b", "c"), ("a", "b:c"), ("{a}", "x"), ("a}b{", "x"), ("ü€😀", "x"), ("*?[x]\\", "x"), (" ", "'\"")]
    writes = tuple(
        MemberWrite(actor="Booking/t:{1}", instance=instance, run=run, number=number)
        for number, (instance, run) in enumerate(members, 1)
    )

    await store.commit(QUEUE, epoch, batch(members=writes))

    assert await store.find_members(QUEUE, "Booking/t:{1}", members) == list(range(1, len(members) + 1))
    found = await store.members(QUEUE, "Booking/t:{1}", 0, 99)
    assert [(member.instance, member.run) for member in found] == members


async def test_a_listing_comes_in_pages_by_key(store: Store) -> None:
    epoch = await own(store)
    keys = ["b", "a:1", "a", "ü", "Z", "a{1}", "😀"]
    await store.commit(QUEUE, epoch, batch(*[write(key) for key in keys], write("closed", status="completed")))

    first = await store.instances(QUEUE, "running", "", 4)
    second = await store.instances(QUEUE, "running", first[-1].actor, 4)

    assert [row.actor for row in first + second] == sorted(keys, key=str.encode)
    assert {(row.run, row.status) for row in first} == {("run", "running")}
    assert await store.instances(OTHER, "running", "", 9) == []


async def test_a_listing_follows_the_status(backend: Backend) -> None:
    store = await backend.connect()
    epoch = await own(store)
    await store.commit(QUEUE, epoch, batch(write("a"), write("b")))
    await backend.tick()

    committed = await store.commit(QUEUE, epoch, batch(write("a", status="failed", run="run-2")))

    assert [row.actor for row in await store.instances(QUEUE, "running", "", 9)] == ["b"]
    (failed,) = await store.instances(QUEUE, "failed", "", 9)
    assert (failed.actor, failed.run, failed.status, failed.updated) == ("a", "run-2", "failed", committed.clock)
