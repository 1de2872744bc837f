"""Stores take large batches and any bytes."""

from leveret_actors.store.contract import ActorRecord, Outgoing, Store
from leveret_broker.address import ServiceQueue
from tests.store.harness import QUEUE, batch, join, journal, own, timer, write

MANY = 7_500
"""More than Redis unpacks and SQLite binds at once."""


async def test_a_batch_may_have_thousands_of_actors(store: Store) -> None:
    keys = [f"actor-{number:05}" for number in range(MANY)]
    epoch = await own(store)

    await store.commit(QUEUE, epoch, batch(*[write(key, key.encode()) for key in keys]))
    await store.commit(
        QUEUE, epoch, batch(*[write(key, b"2") for key in keys[::2]], *[write(key, delete=True) for key in keys[1::2]])
    )

    found = await store.load(QUEUE, keys)
    assert found[::2] == [ActorRecord(key, b"state of " + key.encode(), (key.encode(), b"2")) for key in keys[::2]]
    assert not any(found[1::2])


async def test_a_turn_may_have_thousands_of_timers(store: Store) -> None:
    epoch = await own(store)
    timers = tuple(timer("a", number, 1.0 + number) for number in range(MANY))

    await store.commit(QUEUE, epoch, batch(write("a", timers=timers)))
    assert (await store.due(QUEUE, MANY)).timers == timers
    await store.commit(
        QUEUE, epoch, batch(write("a", timers_removed=tuple(("run", number) for number in range(MANY - 1))))
    )

    assert (await store.due(QUEUE, MANY)).timers == timers[-1:]


async def test_a_turn_may_append_thousands_of_records(store: Store) -> None:
    epoch = await own(store)
    records = [b"%d" % number for number in range(MANY)]

    await store.commit(QUEUE, epoch, batch(write("a", *records)))

    assert await journal(store, "a") == records


async def test_an_outbox_may_have_thousands_of_bodies(store: Store) -> None:
    epoch = await own(store)
    outbox = tuple(Outgoing(ServiceQueue("Hotel"), b"%d" % number) for number in range(MANY))

    await store.commit(QUEUE, epoch, batch(outbox=outbox))

    pending = (await store.take_over(QUEUE, "node-2")).pending
    assert [one.items for one in pending] == ([] if store.atomic else [outbox])


async def test_a_batch_may_have_thousands_of_members(store: Store) -> None:
    epoch = await own(store)
    members = tuple(join("t", number, f"i{number}") for number in range(1, MANY))

    await store.commit(QUEUE, epoch, batch(members=members))

    assert [one.number for one in await store.members(QUEUE, "t", 0, MANY)] == list(range(1, MANY))
    assert await store.find_members(QUEUE, "t", [(f"i{number}", "run") for number in range(1, MANY)]) == list(
        range(1, MANY)
    )


async def test_bytes_come_back_as_they_were(store: Store) -> None:
    everything = bytes(range(256)) * 1200
    epoch = await own(store)

    await store.commit(QUEUE, epoch, batch(write("a", everything, b"", b"\0", state=everything)))

    assert await store.load(QUEUE, ["a"]) == [ActorRecord("a", everything, (everything, b"", b"\0"))]


async def test_keys_with_separators_are_different_actors(store: Store) -> None:
    keys = ["a", "a:b", "a:", ":", "{a}", "}{", "Booking/tag:1", "ü€😀", "*", "a b", "%s", "';--", "\\", "[1]"]
    epoch = await own(store)

    await store.commit(QUEUE, epoch, batch(*[write(key, key.encode(), timers=(timer(key, 1, 5.0),)) for key in keys]))

    assert [found.journal if found else None for found in await store.load(QUEUE, keys)] == [
        (key.encode(),) for key in keys
    ]
    assert {one.actor for one in (await store.due(QUEUE, 99)).timers} == set(keys)
