"""What every store promises about epochs, commits and journals. (Timers, tags and the rest: the files beside.)"""

import asyncio
from typing import Any

import pytest

from leveret_actors.store.contract import ActorRecord, Committed, Outbox, Outgoing, Store
from leveret_broker.address import CONTROL, DEAD_LETTERS, MailboxQueue, ReplyQueue, ServiceQueue
from leveret_broker.errors import StaleEpoch, StoreError
from tests.store.conftest import Backend
from tests.store.harness import LONG, OTHER, QUEUE, batch, join, journal, outgoing, own, record, timer, write

NOT_ATOMIC = ["memory", "redis", "redis-cluster"]
"""Where a commit leaves an outbox pending; an atomic store has sent it already."""

# -- epochs -----------------------------------------------------------------------------------------------------------


async def test_each_take_over_raises_the_epoch(store: Store) -> None:
    epochs = [await own(store, node=f"node-{number}") for number in range(4)]

    assert epochs == sorted(set(epochs))


async def test_an_epoch_belongs_to_its_queue(store: Store) -> None:
    epoch = await own(store)
    await own(store, OTHER)
    await own(store, OTHER)

    assert not (await store.commit(QUEUE, epoch, batch(write("a")))).repeated


async def test_a_commit_of_an_old_epoch_is_refused_and_writes_nothing(backend: Backend) -> None:
    old, new = await backend.connect(), await backend.connect()
    epoch = await own(old)
    await old.commit(
        QUEUE, epoch, batch(write("a", b"first", timers=(timer("a", 1, LONG),)), members=(join("t", 1, "i"),))
    )
    await own(new, node="node-2")
    late = batch(
        write("a", b"late", timers=(timer("a", 2, 1.0),), timers_removed=(("run", 1),)),
        write("b", b"late"),
        members=(join("t", 0, "i"), join("t", 2, "j")),
        outbox=outgoing(b"late"),
    )

    with pytest.raises(StaleEpoch):
        await old.commit(QUEUE, epoch, late)

    assert await journal(new, "a") == [b"first"]
    assert await record(new, "b") is None
    assert [member.instance for member in await new.members(QUEUE, "t", 0, 9)] == ["i"]
    taken = await new.take_over(QUEUE, "node-2")
    assert (taken.pending, taken.next_due) == ((), LONG)


async def test_nothing_is_committed_to_a_queue_that_nobody_took_over(store: Store) -> None:
    with pytest.raises(StaleEpoch):
        await store.commit(QUEUE, 1, batch(write("a")))
    with pytest.raises(StaleEpoch):
        await store.commit(QUEUE, 0, batch(write("a")))

    assert await record(store, "a") is None


async def test_attempts_and_expiry_are_fenced_as_well(store: Store) -> None:
    epoch = await own(store)
    await store.commit(QUEUE, epoch, batch(write("a", status="completed", closed=True, expires=1.0)))
    await own(store, node="node-2")

    with pytest.raises(StaleEpoch):
        await store.mark_attempts(QUEUE, epoch, ["a"], "node-1")
    with pytest.raises(StaleEpoch):
        await store.expire(QUEUE, epoch, keep=0, limit=10)

    assert await record(store, "a") is not None


async def test_of_two_owners_at_once_exactly_one_commits(backend: Backend) -> None:
    stores = [await backend.connect() for _ in range(2)]

    async def own_and_commit(number: int) -> tuple[int, bool]:
        epoch = await own(stores[number], node=f"node-{number}")
        try:
            await stores[number].commit(QUEUE, epoch, batch(write("a", b"%d" % epoch)))
        except StaleEpoch:
            return epoch, False
        return epoch, True

    for _ in range(20):
        outcomes = dict(await asyncio.gather(own_and_commit(0), own_and_commit(1)))
        assert outcomes[max(outcomes)]  # the later owner always
        # Whoever was refused is not in the journal; who was not, is there once.
        written = await journal(stores[0], "a")
        for epoch, committed in outcomes.items():
            assert written.count(b"%d" % epoch) == committed


# -- commits ----------------------------------------------------------------------------------------------------------


async def test_the_same_batch_again_succeeds_and_changes_nothing(backend: Backend) -> None:
    store = await backend.connect()
    epoch = await own(store)
    same = batch(write("a", b"record"), members=(join("t", 1, "i"),), outbox=outgoing(b"out"))

    answers = [await store.commit(QUEUE, epoch, same) for _ in range(2)]

    assert [answer.repeated for answer in answers] == [False, True]
    assert await journal(store, "a") == [b"record"]
    assert len((await store.take_over(QUEUE, "node-2")).pending) == (0 if store.atomic else 1)


async def test_a_repetition_over_another_connection_is_recognised(backend: Backend) -> None:
    first, second = await backend.connect(), await backend.connect()
    epoch = await own(first)
    same = batch(write("a", b"record"))

    await first.commit(QUEUE, epoch, same)

    assert (await second.commit(QUEUE, epoch, same)).repeated
    assert await journal(first, "a") == [b"record"]


async def test_a_committed_batch_is_seen_by_everybody(backend: Backend) -> None:
    writer, reader = await backend.connect(), await backend.connect()

    await writer.commit(QUEUE, await own(writer), batch(write("a", b"1", b"2"), write("b")))

    assert await reader.load(QUEUE, ["b", "missing", "a"]) == [
        ActorRecord("b", b"state of b", ()),
        None,
        ActorRecord("a", b"state of a", (b"1", b"2")),
    ]
    assert await reader.load(OTHER, ["a"]) == [None]


async def test_an_empty_batch_is_fine(store: Store) -> None:
    assert isinstance(await store.commit(QUEUE, await own(store), batch()), Committed)
    assert await store.load(QUEUE, []) == []


async def test_a_commit_tells_the_stores_time(backend: Backend) -> None:
    store = await backend.connect()
    before = await store.clock()

    taken = await store.take_over(QUEUE, "node-1")
    committed = await store.commit(QUEUE, taken.epoch, batch(write("a")))

    assert before <= taken.clock <= committed.clock <= (await store.due(QUEUE, 1)).clock <= await store.clock()


async def test_commits_of_many_queues_at_once_do_not_mix(store: Store) -> None:
    queues = [MailboxQueue("Booking", number) for number in range(8)]
    epochs = [await own(store, queue) for queue in queues]

    for turn in range(5):
        await asyncio.gather(
            *[
                store.commit(queue, epoch, batch(write("a", f"{queue}-{turn}".encode())))
                for queue, epoch in zip(queues, epochs)
            ]
        )

    for queue in queues:
        assert await journal(store, "a", queue) == [f"{queue}-{turn}".encode() for turn in range(5)]


# -- outboxes ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("backend", NOT_ATOMIC, indirect=True)
async def test_a_new_owner_gets_what_is_pending_oldest_first(backend: Backend) -> None:
    store = await backend.connect()
    epoch = await own(store)
    sent = [batch(write("a"), outbox=outgoing(b"%d-1" % number, b"%d-2" % number)) for number in range(12)]
    for one in sent:
        await store.commit(QUEUE, epoch, one)

    pending = (await store.take_over(QUEUE, "node-2")).pending

    assert pending == tuple(Outbox(one.id, one.outbox) for one in sent)
    assert (await store.take_over(OTHER, "node-2")).pending == ()


async def test_what_is_settled_is_not_pending(store: Store) -> None:
    epoch = await own(store)
    sent = [batch(write("a"), outbox=outgoing(b"%d" % number)) for number in range(4)]
    for one in sent:
        await store.commit(QUEUE, epoch, one)

    await store.commit(QUEUE, epoch, batch(settled=(sent[0].id, sent[2].id, "never heard of")))

    left = [] if store.atomic else [sent[1].id, sent[3].id]
    assert [outbox.id for outbox in (await store.take_over(QUEUE, "node-2")).pending] == left


@pytest.mark.parametrize("backend", NOT_ATOMIC, indirect=True)
async def test_every_address_and_delay_survives_in_an_outbox(store: Store) -> None:
    addresses = (QUEUE, ServiceQueue("Hotel"), ReplyQueue("client:{1}"), CONTROL, DEAD_LETTERS)
    out = tuple(Outgoing(address, b"\0body\xff", 1.000001) for address in addresses)

    await store.commit(QUEUE, await own(store), batch(outbox=out))

    (outbox,) = (await store.take_over(QUEUE, "node-2")).pending
    assert outbox.items == out


# -- journals ---------------------------------------------------------------------------------------------------------


async def test_a_journal_keeps_the_order_of_its_turns(store: Store) -> None:
    epoch = await own(store)
    for turn in range(30):
        await store.commit(QUEUE, epoch, batch(write("a", b"%d-1" % turn, b"%d-2" % turn)))
    everything = [b"%d-%d" % (turn, number) for turn in range(30) for number in (1, 2)]

    found = await record(store, "a")

    assert found is not None
    assert list(found.journal) == everything
    assert await store.read_journal(QUEUE, "a", 0, 7) == everything[:7]
    assert await store.read_journal(QUEUE, "a", 7, 10) == everything[7:17]
    assert await store.read_journal(QUEUE, "a", 60, 10) == []
    assert await store.read_journal(QUEUE, "nobody", 0, 10) == []


async def test_the_order_survives_a_change_of_owner(store: Store) -> None:
    for turn in range(12):
        epoch = await own(store, node=f"node-{turn}")
        await store.commit(QUEUE, epoch, batch(write("a", b"%d" % turn)))

    assert await journal(store, "a") == [b"%d" % turn for turn in range(12)]


async def test_a_turn_rewrites_the_head(store: Store) -> None:
    epoch = await own(store)
    await store.commit(QUEUE, epoch, batch(write("a", b"1", state=b"old")))
    await store.commit(QUEUE, epoch, batch(write("a", state=b"")))

    assert await record(store, "a") == ActorRecord("a", b"", (b"1",))


@pytest.mark.parametrize("dropped", range(7))
async def test_a_commit_takes_records_off_the_end_of_a_journal_before_it_appends(store: Store, dropped: int) -> None:
    epoch = await own(store)
    await store.commit(QUEUE, epoch, batch(write("a", b"1", b"2", b"3"), write("b", b"other")))
    await store.commit(QUEUE, epoch, batch(write("a", b"4")))
    await store.commit(QUEUE, epoch, batch(write("a", b"5", b"6")))

    await store.commit(QUEUE, epoch, batch(write("a", b"folded", dropped=dropped)))
    await store.commit(QUEUE, epoch, batch(write("a", b"next")))

    left = [b"1", b"2", b"3", b"4", b"5", b"6"][: 6 - dropped]
    assert await journal(store, "a") == [*left, b"folded", b"next"]
    assert await record(store, "a") == ActorRecord("a", b"state of a", (*left, b"folded", b"next"))
    assert await store.read_journal(QUEUE, "a", len(left), 1) == [b"folded"]
    assert await journal(store, "b") == [b"other"]


async def test_records_can_be_taken_off_without_any_in_their_place(store: Store) -> None:
    epoch = await own(store)
    await store.commit(QUEUE, epoch, batch(write("a", b"1", b"2")))

    await store.commit(QUEUE, epoch, batch(write("a", dropped=2)))

    assert await record(store, "a") == ActorRecord("a", b"state of a", ())


async def test_a_commit_that_takes_off_records_and_is_repeated_does_so_once(backend: Backend) -> None:
    first, second = await backend.connect(), await backend.connect()
    epoch = await own(first)
    await first.commit(QUEUE, epoch, batch(write("a", b"1", b"2", b"3", b"4")))
    fold = batch(write("a", b"folded", dropped=1))

    answers = [await store.commit(QUEUE, epoch, fold) for store in (first, first, second)]

    assert [answer.repeated for answer in answers] == [False, True, True]
    assert await journal(first, "a") == [b"1", b"2", b"3", b"folded"]


async def test_a_commit_of_an_old_epoch_takes_nothing_off(backend: Backend) -> None:
    old, new = await backend.connect(), await backend.connect()
    epoch = await own(old)
    await old.commit(QUEUE, epoch, batch(write("a", b"1", b"2")))
    await own(new, node="node-2")

    with pytest.raises(StaleEpoch):
        await old.commit(QUEUE, epoch, batch(write("a", b"folded", dropped=2)))

    assert await journal(new, "a") == [b"1", b"2"]


@pytest.mark.parametrize("options", [{}, {"new_run": True}, {"delete": True}], ids=["plain", "new run", "delete"])
async def test_a_commit_that_takes_off_more_than_there_is_writes_nothing(store: Store, options: dict[str, Any]) -> None:
    epoch = await own(store)
    await store.commit(QUEUE, epoch, batch(write("a", b"1", b"2"), write("b", b"1")))
    dropped = 1 if options else 3
    wrong = batch(
        write("b", b"2", timers=(timer("b", 1, 1.0),)),
        write("a", b"folded", dropped=dropped, **options),
        members=(join("t", 1, "i"),),
        outbox=outgoing(b"out"),
    )

    with pytest.raises(StoreError, match=f"this commit takes {dropped} off"):
        await store.commit(QUEUE, epoch, wrong)

    assert await journal(store, "a") == [b"1", b"2"]
    assert await journal(store, "b") == [b"1"]
    assert await store.members(QUEUE, "t", 0, 9) == []
    assert (await store.due(QUEUE, 9)).next_due == 0
    assert (await store.take_over(QUEUE, "node-2")).pending == ()


async def test_a_new_run_drops_the_journal_before(store: Store) -> None:
    epoch = await own(store)
    await store.commit(QUEUE, epoch, batch(write("a", b"old"), write("b", b"other")))

    await store.commit(QUEUE, epoch, batch(write("a", b"new-1", b"new-2", run="run-2", new_run=True)))

    assert await journal(store, "a") == [b"new-1", b"new-2"]
    assert await journal(store, "b") == [b"other"]


async def test_a_closed_actors_journal_is_left_out(store: Store) -> None:
    epoch = await own(store)
    await store.commit(QUEUE, epoch, batch(write("a", b"1")))
    await store.commit(QUEUE, epoch, batch(write("a", b"2", status="completed", closed=True)))

    found = await record(store, "a")

    assert found == ActorRecord("a", b"state of a", ())
    assert await journal(store, "a") == [b"1", b"2"]


async def test_a_reopened_actors_journal_is_loaded_again(store: Store) -> None:
    epoch = await own(store)
    await store.commit(QUEUE, epoch, batch(write("a", b"1", status="completed", closed=True)))

    await store.commit(QUEUE, epoch, batch(write("a", b"2", closed=False)))

    assert await record(store, "a") == ActorRecord("a", b"state of a", (b"1", b"2"))


async def test_journals_are_left_out_when_nobody_wants_them(store: Store) -> None:
    await store.commit(QUEUE, await own(store), batch(write("a", b"1")))

    assert await store.load(QUEUE, ["a"], journals=False) == [ActorRecord("a", b"state of a", ())]
