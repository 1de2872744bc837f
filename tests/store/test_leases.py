"""What every store promises about leases."""

import asyncio

import msgspec
import pytest

from leveret_actors.store.contract import Store
from leveret_actors.store.leases import DELEGATED, FINISHED, RUNNING, Lease, Renewal
from tests.store.conftest import Backend
from tests.store.harness import LONG

SHORT = 0.3


def lease(task: str = "run.1", /, **more: object) -> Lease:
    fields: dict[str, object] = {
        "service": "Hotel", "name": "book", "sequence": 0, "attempt": 1, "holder": "node-1", "body": b"\0body\xff",
        **more,
    }  # fmt: skip
    return Lease(task=task, **fields)  # type: ignore[arg-type]


async def held(store: Store, *leases: Lease, seconds: float = LONG) -> None:
    assert await store.hold(leases, seconds) == [None] * len(leases)


async def found(store: Store, task: str = "run.1") -> Lease:
    (one,) = await store.find_leases([task])
    assert one is not None
    return one


async def test_a_lease_that_was_taken_is_found_with_all_it_has(store: Store) -> None:
    now = await store.clock()
    wanted = lease("ü {1}", deaths=2, progress=b"\x01half", sequence=3, parcel=b"p")

    await held(store, wanted, seconds=LONG)
    one, nothing = await store.find_leases(["ü {1}", "other"])

    assert nothing is None
    assert one is not None
    assert now + LONG <= one.until <= now + LONG + 10
    assert msgspec.structs.replace(one, until=0.0) == wanted


async def test_anothers_lease_of_the_same_attempt_stands_in_the_way(store: Store) -> None:
    await held(store, lease())

    (way,) = await store.hold([lease(holder="node-2")], LONG)
    again = await store.hold([lease()], LONG)

    assert way is not None
    assert way.holder == "node-1"
    assert again == [None]


@pytest.mark.parametrize("later", [{"attempt": 2}, {"sequence": 1}, {"deaths": 1}], ids=str)
async def test_what_is_later_takes_the_place_of_what_is_earlier_and_not_the_other_way(
    store: Store, later: dict[str, object]
) -> None:
    await held(store, lease())

    await held(store, lease(holder="node-2", **later))
    (way,) = await store.hold([lease()], LONG)

    assert way is not None
    assert way.holder == "node-2"


async def test_leases_of_one_task_taken_at_once_are_taken_one_after_the_other(store: Store) -> None:
    ways = await store.hold([lease(attempt=2), lease(holder="node-2")], LONG)

    assert [way and way.attempt for way in ways] == [None, 2]
    assert (await found(store)).attempt == 2


async def test_a_renewed_lease_lasts_longer_and_keeps_the_progress_that_was_said(backend: Backend) -> None:
    store = await backend.connect()
    await held(store, lease("a"), lease("b"), lease("c"), seconds=SHORT)
    end = await store.clock() + SHORT

    said = Renewal("a", (0, 1, 0), b"half")
    assert await store.renew("node-1", [said, Renewal("b", (0, 1, 0))], LONG) == ["", ""]
    assert await store.renew("node-1", [Renewal("a", (0, 1, 0))], LONG) == [""]
    await backend.until(end)
    claimed = await store.claim_expired("sweeper", LONG, 10)

    assert [one.task for one in claimed] == ["c"]
    assert (await found(store, "a")).progress == b"half"
    assert await store.renew("node-1", [], LONG) == []


async def test_a_lease_in_other_hands_is_not_renewed_and_the_holder_is_told(store: Store) -> None:
    await held(store, lease("mine"), lease("taken"), lease("done"), lease("next"))
    await held(store, lease("taken", deaths=1, holder="node-2"), lease("next", attempt=2))
    done = await found(store, "done")
    assert await store.replace(done, msgspec.structs.replace(done, status="completed", holder=""), LONG)

    tasks = ("mine", "taken", "done", "next", "never")
    told = await store.renew("node-1", [Renewal(task, (0, 1, 0), b"x") for task in tasks], LONG)

    assert told == ["", "gone", "completed", "gone", "gone"]
    assert (await found(store, "taken")).progress == b""


async def test_a_change_names_what_it_found_and_may_be_repeated(store: Store) -> None:
    first = lease()
    await held(store, first)
    finished = msgspec.structs.replace(first, status=FINISHED, parcel=b"parcel")

    assert await store.replace(first, finished, LONG)
    assert await store.replace(first, finished, LONG)
    assert not await store.replace(first, msgspec.structs.replace(first, status=DELEGATED, holder=""), LONG)
    assert not await store.replace(first, None, LONG)
    assert (await found(store)).parcel == b"parcel"
    assert await store.replace(finished, None, LONG)
    assert await store.replace(finished, None, LONG)
    assert not await store.replace(first, finished, LONG)
    assert await store.find_leases(["run.1"]) == [None]


async def test_what_is_over_its_time_is_claimed_once_and_its_holder_loses_it(backend: Backend) -> None:
    store = await backend.connect()
    await held(store, lease("a"), lease("b"), seconds=SHORT)
    await held(store, lease("c"))
    await backend.until(await store.clock() + SHORT)

    one = await store.claim_expired("sweeper", LONG, 1)
    other = await store.claim_expired("sweeper", LONG, 5)

    assert sorted(row.task for row in one + other) == ["a", "b"]
    assert {row.holder for row in one + other} == {"sweeper"}
    assert {row.body for row in one + other} == {b"\0body\xff"}
    assert await store.claim_expired("sweeper", LONG, 5) == []
    assert await store.renew("node-1", [Renewal("a", (0, 1, 0))], LONG) == ["gone"]
    (way,) = await store.hold([lease("a")], LONG)
    assert way is not None


async def test_a_claim_that_leads_to_nothing_is_over_itself(backend: Backend) -> None:
    store = await backend.connect()
    await held(store, lease(), seconds=SHORT)
    await backend.until(await store.clock() + SHORT)
    await store.claim_expired("sweeper-1", SHORT, 5)
    await backend.until(await store.clock() + SHORT)

    (claimed,) = await store.claim_expired("sweeper-2", LONG, 5)

    assert claimed.holder == "sweeper-2"


async def test_the_lease_of_a_task_that_has_ended_vanishes_with_its_time(backend: Backend) -> None:
    store = await backend.connect()
    first = lease()
    await held(store, first)
    assert await store.replace(first, msgspec.structs.replace(first, status="failed", holder="", body=b""), SHORT)
    assert (await found(store)).status == "failed"
    await backend.until(await store.clock() + SHORT)

    assert await store.claim_expired("sweeper", LONG, 5) == []

    assert await store.find_leases(["run.1"]) == [None]
    assert await store.leases("", 10) == []


async def test_revoking_a_task_ends_its_open_lease_and_no_other_life_of_it(store: Store) -> None:
    open_one = lease("open")
    finished = lease("finished", status=FINISHED)
    await held(store, lease("run.1"), open_one, lease("second", sequence=1), lease("third", sequence=2), finished)
    assert await store.replace(open_one, msgspec.structs.replace(open_one, status=DELEGATED, holder=""), LONG)

    now = await store.clock()
    await store.revoke(["run.1", "open", "second+1", "third", "finished", "nothing+4"], now + LONG)
    rows = await store.find_leases(["run.1", "open", "second", "third", "finished"])

    statuses = [row.status for row in rows if row is not None]
    assert statuses == ["cancelled", "cancelled", "cancelled", RUNNING, FINISHED]
    assert [row.body for row in rows if row is not None][:3] == [b"", b"", b""]
    assert await store.renew("node-1", [Renewal("run.1", (0, 1, 0))], LONG) == ["cancelled"]


async def test_leases_come_in_pages_by_task_without_their_bodies(store: Store) -> None:
    await held(store, *(lease(f"run.{number}", progress=b"half") for number in (3, 1, 2)))

    first = await store.leases("", 2)
    second = await store.leases(first[-1].task, 2)

    assert [row.task for row in first + second] == ["run.1", "run.2", "run.3"]
    assert {(row.body, row.parcel, row.progress) for row in first} == {(b"", b"", b"half")}


async def test_of_two_that_want_a_lease_at_once_one_gets_it(backend: Backend) -> None:
    one, other = await backend.connect(), await backend.connect()

    answers = await asyncio.gather(one.hold([lease()], LONG), other.hold([lease(holder="node-2")], LONG))

    assert sorted(way is None for (way,) in answers) == [False, True]


async def test_ended_tasks_whose_time_is_over_keep_no_other_from_being_claimed(backend: Backend) -> None:
    store = await backend.connect()
    for number in range(5):
        first = lease(f"ended.{number}")
        await held(store, first)
        assert await store.replace(first, msgspec.structs.replace(first, status="failed", holder=""), SHORT)
    await held(store, lease("dead.1"), seconds=SHORT)
    await backend.until(await store.clock() + SHORT)

    claimed = await store.claim_expired("sweeper", LONG, 2)

    assert [one.task for one in claimed] == ["dead.1"]
    assert await store.claim_expired("sweeper", LONG, 2) == []
    assert [one.task for one in await store.leases("", 10)] == ["dead.1"]
