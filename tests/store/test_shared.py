"""What every store promises about nodes, tasks and dead letters."""

import asyncio

from leveret_actors.store.contract import DeadLetter, Store
from tests.store.conftest import Backend
from tests.store.harness import LONG, OTHER, QUEUE, own

# -- mailboxes --------------------------------------------------------------------------------------------------------


async def test_the_first_count_of_mailboxes_holds(backend: Backend) -> None:
    store = await backend.connect()
    before = await store.mailbox_count("Order")

    said = [await store.mailbox_count("Order", count) for count in (4, 8)]

    assert (before, said) == (0, [4, 4])
    assert [await (await backend.connect()).mailbox_count(kind) for kind in ("Order", "Trip")] == [4, 0]


# -- nodes ------------------------------------------------------------------------------------------------------------


async def test_a_node_lives_as_long_as_it_said(backend: Backend) -> None:
    store = await backend.connect()
    now = await store.clock()
    await store.heartbeat("long", {"host": "a", "ü": "{}"}, lifetime=LONG)
    await store.heartbeat("short", {}, lifetime=0.3)

    both = await store.nodes()
    await backend.until(await store.clock() + 0.3)
    one = await store.nodes()

    assert {row.node: row.info for row in both} == {"long": {"host": "a", "ü": "{}"}, "short": {}}
    assert all(now <= row.seen <= now + 10 for row in both)
    assert [row.node for row in one] == ["long"]


async def test_a_heartbeat_renews_and_replaces(backend: Backend) -> None:
    store = await backend.connect()
    await store.heartbeat("node", {"state": "starting"}, lifetime=0.3)
    end = await store.clock() + 0.3
    await store.heartbeat("node", {"state": "up"}, lifetime=LONG)

    await backend.until(end)

    assert [row.info for row in await store.nodes()] == [{"state": "up"}]


async def test_a_lifetime_of_nothing_takes_a_node_off(store: Store) -> None:
    await store.heartbeat("node", {}, lifetime=LONG)
    await store.heartbeat("node", {}, lifetime=0)

    assert await store.nodes() == []


async def test_an_owner_is_one_only_while_it_lives(backend: Backend) -> None:
    store = await backend.connect()
    await own(store, QUEUE, "node-1")
    await own(store, OTHER, "node-2")
    assert await store.owners([QUEUE, OTHER]) == [None, None]

    await store.heartbeat("node-1", {}, lifetime=0.3)
    await store.heartbeat("node-2", {}, lifetime=LONG)
    living = await store.owners([OTHER, QUEUE])
    await backend.until(await store.clock() + 0.3)
    after = await store.owners([OTHER, QUEUE])
    await own(store, QUEUE, "node-2")

    assert living == ["node-2", "node-1"]
    assert after == ["node-2", None]
    assert await store.owners([QUEUE, OTHER]) == ["node-2", "node-2"]


# -- tasks ------------------------------------------------------------------------------------------------------------


async def test_a_revoked_task_is_remembered_until_then(backend: Backend) -> None:
    store = await backend.connect()
    now = await store.clock()
    await store.revoke(["a", "b"], now + 1)
    await store.revoke(["c:{1}"], now + LONG)

    before = await store.revoked(["a", "c:{1}", "d"])
    await backend.until(now + 1)
    async with asyncio.timeout(20):  # each server forgets by a clock of its own
        while await store.revoked(["a", "b"]):
            await asyncio.sleep(0.01)

    assert before == {"a", "c:{1}"}
    assert await store.revoked(["c:{1}"]) == {"c:{1}"}
    assert await store.revoked([]) == set()


async def test_the_highest_attempt_is_remembered_until_then(backend: Backend) -> None:
    store = await backend.connect()
    now = await store.clock()
    for attempt in (1, 3, 2):
        await store.note_attempt("a", attempt, now + LONG)
    await store.note_attempt("b", 7, now + 1)

    before = await store.attempts(["b", "none", "a"])
    await backend.until(now + 1)
    async with asyncio.timeout(20):
        while await store.attempts(["b"]) != [0]:
            await asyncio.sleep(0.01)

    assert before == [7, 0, 3]
    assert await store.attempts(["b", "a"]) == [0, 3]
    assert await store.attempts([]) == []


# -- dead letters -----------------------------------------------------------------------------------------------------


def letter(number: int, **more: str) -> DeadLetter:
    fields = {"id": f"letter-{number:03}", "source": "Hotel", "reason": "because: ü", **more}
    return DeadLetter(at=1_700_000_000.000001 + number, body=b"\0body\xff%d" % number, **fields)


async def test_dead_letters_come_in_pages_oldest_first(store: Store) -> None:
    letters = [letter(number) for number in range(7)]
    await store.bury(letters[3:])
    await store.bury(letters[:3])

    first = await store.dead_letters("", 4)
    second = await store.dead_letters(first[-1].id, 4)

    assert first + second == letters
    assert await store.dead_letters(letters[-1].id, 4) == []


async def test_burying_a_letter_twice_changes_nothing(store: Store) -> None:
    await store.bury([letter(1)])
    await store.bury([letter(1, reason="another"), letter(2)])

    assert await store.dead_letters("", 9) == [letter(1), letter(2)]


async def test_exhumed_letters_are_gone(store: Store) -> None:
    await store.bury([letter(number) for number in range(4)])

    assert await store.exhume([letter(0).id, letter(2).id, "never there"]) == 2
    assert await store.exhume([letter(0).id]) == 0
    assert [one.id for one in await store.dead_letters("", 9)] == [letter(1).id, letter(3).id]
    assert await store.exhume([]) == 0


async def test_letters_of_the_same_moment_are_all_paged(store: Store) -> None:
    same = [DeadLetter(id=f"{number}", at=5.5, source="s", reason="r", body=b"") for number in range(6)]
    await store.bury(same)

    found: list[str] = []
    while page := await store.dead_letters(found[-1] if found else "", 2):
        found += [one.id for one in page]

    assert sorted(found) == [one.id for one in same]
