"""Joining, leaving, and members whose instance never came."""

import pytest

from leveret_actors.store.contract import Member
from leveret_broker.envelope import MembersPage, Probe, TagMembers, TagProbed
from tests.tag.bench import CALLER, QUEUE, Bench, answers, envelope, join, leave, to_instances

HOUR = 3600.0


@pytest.fixture(params=[True, False], ids=["cached", "cold"])
async def bench(request: pytest.FixtureRequest) -> Bench:
    return await Bench(cached=request.param).open()


async def test_join_numbers_rise_and_a_second_join_of_the_same_run_changes_nothing(bench: Bench) -> None:
    await bench.send(join("a"), join("b"), join("a"))
    await bench.send(join("a"), join("c"))

    assert await bench.members() == [Member(1, "a", "r"), Member(2, "b", "r"), Member(3, "c", "r")]


async def test_another_run_of_an_instance_is_another_member(bench: Bench) -> None:
    await bench.send(join("a", "r1"), join("a", "r2"))
    await bench.send(leave("a", "r1"))

    assert await bench.members() == [Member(2, "a", "r2")]


async def test_a_tag_whose_last_member_left_leaves_nothing_behind(bench: Bench) -> None:
    await bench.send(join("a"), join("b"), join("a", firm=True))
    await bench.send(leave("a"), leave("a"))
    assert not await bench.gone()

    await bench.send(leave("b"))

    assert await bench.gone()


async def test_leaving_a_tag_that_does_not_exist_writes_nothing(bench: Bench) -> None:
    turn = await bench.turn(leave("a"))

    assert turn.write is None
    assert await bench.gone()


async def test_a_member_made_firm_is_never_asked_for(bench: Bench) -> None:
    await bench.send(join("a"))
    await bench.send(join("a", firm=True))

    assert await bench.later(10 * HOUR) == []


async def test_a_member_that_is_not_firm_after_an_hour_is_asked_for(bench: Bench) -> None:
    await bench.send(join("a", "r1"))
    assert await bench.later(HOUR - 1) == []

    (probe,) = to_instances(await bench.later(2))

    assert (probe.actor, probe.run, probe.message) == ("a", "", Probe(QUEUE, "order:1", "r1"))


async def test_only_the_answer_unknown_removes_it(bench: Bench) -> None:
    await bench.send(join("a"), join("b"))
    await bench.later(HOUR + 1)

    await bench.send(envelope(TagProbed("a", "r", known=False)), envelope(TagProbed("b", "r", known=True)))

    assert await bench.names() == ["b"]
    assert await bench.later(100 * HOUR) == []


async def test_it_is_asked_again_each_day_until_an_answer_comes(bench: Bench) -> None:
    await bench.send(join("a"))
    first = to_instances(await bench.later(HOUR + 1))

    again = to_instances(await bench.later(24 * HOUR))

    assert len(first) == len(again) == 1
    assert first[0].id != again[0].id


async def test_an_answer_that_was_not_asked_for_removes_nobody(bench: Bench) -> None:
    await bench.send(join("a"))
    await bench.send(join("a", firm=True))

    await bench.send(envelope(TagProbed("a", "r", known=False)))

    assert await bench.names() == ["a"]


async def test_a_leave_that_overtook_its_join_leaves_nobody_behind_for_ever(bench: Bench) -> None:
    await bench.send(leave("a"), join("a", firm=True))
    await bench.later(HOUR + 1)

    await bench.send(envelope(TagProbed("a", "r", known=False)))

    assert await bench.gone()


async def test_two_late_copies_of_a_firm_join_leave_nobody_behind_either(bench: Bench) -> None:
    await bench.send(join("a"), join("a", firm=True), leave("a"))
    await bench.send(join("a", firm=True))
    await bench.send(join("a", firm=True))

    assert len(to_instances(await bench.later(HOUR + 1))) == 1
    await bench.send(envelope(TagProbed("a", "r", known=False)))

    assert await bench.gone()


async def test_members_are_listed_by_page() -> None:
    bench = await Bench().open()
    await bench.send(*(join(f"i{n:04}") for n in range(1201)))

    first, second = answers(
        await bench.send(envelope(TagMembers(CALLER, 0, 1000))) + await bench.send(envelope(TagMembers(CALLER, 1000)))
    )

    assert isinstance(first, MembersPage)
    assert isinstance(second, MembersPage)
    assert (len(first.members), first.more, first.members[0]) == (1000, True, (1, "i0000", "r"))
    assert (len(second.members), second.more, second.members[-1]) == (201, False, (1201, "i1200", "r"))


async def test_ten_thousand_unfirm_members_are_asked_for_in_bounded_turns() -> None:
    bench = await Bench().open()
    await bench.send(*(join(f"i{n}") for n in range(10_000)))
    turns = bench.turns

    posts = to_instances(await bench.later(HOUR + 1))

    assert len({post.actor for post in posts}) == len(posts) == 10_000
    assert bench.turns - turns == 20
