"""T · tags: business ids that instances carry."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from leveret import workflow
from leveret.errors import WorkflowAlreadyStarted, WorkflowCancelled, WorkflowFailed
from leveret_actors.settings import Retention
from leveret_actors.tag import actors as tags
from leveret_actors.tag import draft as drafts
from leveret_actors.tag.claim import claim
from tests.conformance.house import DEADLINE, House, Row, pending
from tests.conformance.processes import run_caller


@workflow.define
class Carries:
    go = workflow.Channel[int]()

    async def run(self) -> int:
        return await self.go.receive()


@workflow.define
class Fails:
    async def run(self) -> int:
        raise ZeroDivisionError


@workflow.define
class Moves:
    """Carries one place after another, the last two of them in a run of its own."""

    go = workflow.Channel[str]()

    async def run(self, been: list[str]) -> list[str]:
        while (where := await self.go.receive()) != "home":
            if been:
                await workflow.remove_tags(been[-1])
            await workflow.add_tags(where)
            been.append(where)
            if len(been) == 2:
                workflow.continue_as_new(been)
        return [*been, *workflow.info().tags]

    @workflow.query
    def places(self) -> list[str]:
        return list(workflow.info().tags)


@workflow.define
class Adds:
    go = workflow.Channel[str]()
    hears = workflow.Channel[str]()

    async def run(self) -> str:
        await workflow.add_tags("here", "there")
        await workflow.all("Adds", tag="here").signal("hears", "myself")
        heard = await self.hears.receive()
        await workflow.remove_tags("here")
        await workflow.all("Adds", tag="here").signal("hears", "nobody")
        await workflow.all("Adds", tag="there").signal("hears", "me again")
        return f"{heard}, {await self.hears.receive()}"


RACERS = ((0, 17), (17, 17), (34, 16))
"""For each process: the number of its first client, and how many it has."""


async def members(house: House, tag: str, workflow: type[Any] = Carries) -> list[str]:
    """Return who carries a tag."""
    return [member.id async for member in house.client.members(house.client.all(workflow, tag=tag))]


async def nobody_left(house: House, tag: str, workflow: type[Any] = Carries) -> None:
    """Wait until nobody carries a tag: whoever has ended leaves by message."""
    async with asyncio.timeout(DEADLINE):
        while await members(house, tag, workflow):
            pass


async def test_T01_tags_are_visible_as_soon_as_the_start_returned(house: House) -> None:
    await house.open(Carries)

    seen: list[list[str]] = []
    for name in "abc":
        await house.start(Carries, id=name, tags={"all", f"only-{name}"})
        seen.append(await members(house, "all"))

    assert seen == [["a"], ["a", "b"], ["a", "b", "c"]]
    assert await members(house, "only-b") == ["b"]


async def test_T02_many_instances_of_a_tag_get_a_signal_once_each(house: House) -> None:
    await house.open(Carries)
    client = house.client
    handles = [
        await asyncio.gather(*(client.dispatch(client.new(Carries, tags={"all"}).run) for _ in range(250)))
        for _ in range(6)
    ]

    await client.all(Carries, tag="all").go.send(1)

    results = [await asyncio.gather(*(handle.result(DEADLINE) for handle in group)) for group in handles]
    assert sum(sum(group) for group in results) == 1500
    house.remember(Carries, handles[0][0])
    house.remember(Carries, handles[-1][-1])


async def test_T02_cancelling_by_tag_reaches_every_member_and_nobody_else(house: House) -> None:
    await house.open(Carries)
    mine = [await house.start(Carries, tags={"mine"}) for _ in range(20)]
    other = await house.start(Carries, tags={"other"})

    await house.client.cancel(house.client.all(Carries, tag="mine"))

    for handle in mine:
        with pytest.raises(WorkflowCancelled):
            await handle.result(DEADLINE)
    assert (await house.waiting(other, "receive"))["status"] == "running"


async def test_T03_tags_vanish_with_completion_and_with_cancellation(house: House) -> None:
    await house.open(Carries)
    done, gone = [await house.start(Carries, id=name, tags={"t"}) for name in ("done", "gone")]

    await house.client.get(Carries, id="done").go.send(1)
    await house.client.cancel(gone)

    assert await done.result(DEADLINE) == 1
    with pytest.raises(WorkflowCancelled):
        await gone.result(DEADLINE)
    await nobody_left(house, "t")


async def test_T03_tags_vanish_with_a_failed_instance_that_is_not_retried_in_time(house: House) -> None:
    await house.open(Fails, Carries, retention=Retention(failed_seconds=1.0))
    failed = await house.client.dispatch(house.client.new(Fails, id="f", tags={"t"}, unique_tag="u").run)
    with pytest.raises(WorkflowFailed):
        await failed.result(DEADLINE)

    assert await members(house, "t", Fails) == await members(house, "u", Fails) == ["f"]
    await nobody_left(house, "t", Fails)
    await nobody_left(house, "u", Fails)

    assert not (await failed.describe(DEADLINE)).found


@pytest.mark.parametrize("evict", [False, True], ids=["cached", "evicted"])
async def test_T04_a_running_workflow_carries_other_tags_over_its_runs(house: House, *, evict: bool) -> None:
    await house.open(Moves, evict=evict)
    handle = await house.start(Moves, [], id="m", tags={"start"})

    seen: list[list[str]] = []
    for before, place in ((None, "a"), ("a", "b"), ("b", "c")):
        await house.client.all(Moves, tag=before or "start").go.send(place)
        row = await house.described(handle, partial(has_moved, place))
        seen.append(sorted(row["tags"]))
        assert await members(house, place, Moves) == ["m"]
        assert before is None or await members(house, before, Moves) == []
    assert await house.client.get(Moves, id="m").places() == ["c", "start"]
    await house.client.all(Moves, tag="c").go.send("home")

    assert seen == [["a", "start"], ["b", "start"], ["c", "start"]]
    assert await handle.result(DEADLINE) == ["a", "b", "c", "c", "start"]
    await nobody_left(house, "c", Moves)
    await nobody_left(house, "start", Moves)


def has_moved(place: str, row: Row) -> bool:
    """Tell whether it carries a place, and no change of tags is on its way."""
    return place in row["tags"] and not pending(row, "add_tag") and not pending(row, "remove_tag")


async def test_T04_what_is_sent_by_a_tag_after_it_was_awaited_comes_and_after_its_removal_does_not(
    house: House,
) -> None:
    await house.open(Adds, evict=True)

    assert await house.call(Adds) == "myself, me again"


async def test_T06_a_unique_tag_whose_start_got_lost_on_the_way_does_not_stay_locked(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drafts, "PROBE_AFTER", 0.5)
    monkeypatch.setattr(tags, "claim", loses_the_first_start())
    await house.open(Carries)
    await house.client.dispatch(house.client.new(Carries, id="lost", unique_tag="u").run)

    await nobody_left(house, "u")
    handle = await house.start(Carries, id="second", unique_tag="u", on_conflict="fail")

    assert await members(house, "u") == ["second"]
    assert (await house.waiting(handle, "receive"))["status"] == "running"
    assert not (await house.client.get("Carries", id="lost").describe(DEADLINE)).found


def loses_the_first_start() -> Callable[..., None]:
    """Return what handles claims; what the first one passes on gets lost, as with a queue that is purged."""
    claims = itertools.count()

    def handle(draft: drafts.Draft, *message: Any) -> None:
        claim(draft, *message)
        if not next(claims):
            draft.posts.pop()

    return handle


async def test_T06_fifty_clients_in_several_processes_claim_a_unique_tag_and_one_instance_comes_of_it(
    house: House,
) -> None:
    await house.open(Carries)

    answers = await asyncio.gather(
        *(run_caller("race", house.url, "Carries", "u", str(count), str(first)) for first, count in RACERS)
    )

    (winner,) = {instance for answer in answers for instance in answer["answer"]}
    assert sum(len(answer["answer"]) for answer in answers) == 50
    assert await members(house, "u") == [winner]
    handle = house.remember(Carries, house.client.get("Carries", id=winner))
    assert (await house.waiting(handle, "receive"))["status"] == "running"
    losers = [house.client.get("Carries", id=f"racer-{number}") for number in range(50) if f"racer-{number}" != winner]
    assert not any(one.found for one in await asyncio.gather(*(loser.describe(DEADLINE) for loser in losers)))


async def test_T06_a_unique_tag_is_free_again_once_its_instance_ended(house: House) -> None:
    await house.open(Carries)
    first = await house.start(Carries, id="first", unique_tag="u")
    await first.started(DEADLINE)
    with pytest.raises(WorkflowAlreadyStarted):
        await house.client.dispatch(house.client.new(Carries, id="no", unique_tag="u", on_conflict="fail").run)

    await house.client.all(Carries, tag="u").go.send(1)
    assert await first.result(DEADLINE) == 1
    await nobody_left(house, "u")
    second = await house.start(Carries, id="second", unique_tag="u", on_conflict="fail")

    assert second.id == "second"
    assert await members(house, "u") == ["second"]
