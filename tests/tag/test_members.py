"""Joining, leaving, and members whose instance never came."""

import pytest

from leveret_actors.store.contract import Member
from leveret_actors.tag import draft as drafts
from leveret_broker.address import MailboxQueue
from leveret_broker.envelope import (
    Envelope,
    MembersPage,
    Probe,
    TagJoin,
    TagLeave,
    TagMembers,
    TagProbed,
    WorkflowCaller,
)
from tests.tag.bench import CALLER, QUEUE, Bench, answers, envelope, join, leave, opened, to_instances

HOUR = 3600.0


def probed(instance: str, number: int, *, known: bool) -> Envelope:
    return envelope(TagProbed(instance, "r", known, number))


def change(instance: str, number: int, *, leaves: bool = False, sent: float = 0.0) -> Envelope:
    """Return what the code of a run asks for."""
    message = TagLeave(instance, "r", number) if leaves else TagJoin(instance, "r", firm=True, number=number)
    return envelope(message, sent=sent)


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

    assert (probe.actor, probe.run, probe.message) == ("a", "", Probe(QUEUE, "order:1", "r1", number=1))


async def test_only_the_answer_unknown_removes_it(bench: Bench) -> None:
    await bench.send(join("a"), join("b"))
    await bench.later(HOUR + 1)

    await bench.send(probed("a", 1, known=False), probed("b", 2, known=True))

    assert await bench.names() == ["b"]
    assert await bench.later(100 * HOUR) == []


async def test_it_is_asked_again_each_day_until_an_answer_comes(bench: Bench) -> None:
    await bench.send(join("a"))
    first = to_instances(await bench.later(HOUR + 1))

    again = to_instances(await bench.later(24 * HOUR))

    assert len(first) == len(again) == 1
    assert first[0].id != again[0].id


async def test_an_answer_about_an_earlier_membership_removes_nobody(bench: Bench) -> None:
    await bench.send(change("a", 1))
    await bench.send(change("a", 2, leaves=True), join("b"))
    await bench.send(change("a", 3))

    await bench.send(probed("a", 1, known=False))

    assert await bench.names() == ["b", "a"]


async def test_a_leave_that_overtook_its_join_leaves_nobody_behind(bench: Bench) -> None:
    await bench.send(leave("a"), join("a", firm=True))

    assert await bench.gone()


@pytest.mark.parametrize(
    "firm", [(True, True), (False, True), (True, False)], ids=["firm-firm", "firm-last", "firm-first"]
)
async def test_late_copies_of_joins_bring_nobody_back_for_ever(bench: Bench, firm: tuple[bool, bool]) -> None:
    one, other = join("a", sent=bench.clock), join("a", firm=True, sent=bench.clock)
    await bench.send(one, other)
    await bench.send(leave("a"))

    for is_firm in firm:
        await bench.send(other if is_firm else one)

    assert await bench.names() == ["a"]  # the tag was gone: only the instance can tell
    assert len(to_instances(await bench.later(HOUR + 1))) == 1
    await bench.send(probed("a", 1, known=False))
    assert await bench.gone()


async def test_a_tag_that_others_carry_drops_late_copies_at_once(bench: Bench) -> None:
    copies = [join("a", sent=bench.clock), join("a", firm=True, sent=bench.clock)]
    await bench.send(join("b"), *copies)
    await bench.send(leave("a"))

    await bench.send(*copies)

    assert await bench.names() == ["b"]


async def test_a_tag_that_forgot_a_leave_asks_for_who_may_be_a_late_copy(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drafts, "LEAVES", 1)
    await bench.send(join("b"), join("b", firm=True))
    copy = join("a", firm=True, sent=bench.clock)
    await bench.send(copy, join("c"))
    await bench.send(leave("a"), leave("c"))

    await bench.send(copy)
    await bench.send(join("d", firm=True))

    probes = [probe.actor for probe in to_instances(await bench.later(HOUR + 1))]
    assert probes == ["b", "a"]  # b's joins came in the turn that made the tag


async def test_what_a_run_removes_and_adds_again_is_told_from_late_copies_by_its_number(bench: Bench) -> None:
    copies = [change("a", 1, sent=1.0), change("a", 2, leaves=True, sent=2.0)]
    await bench.send(join("b"))
    await bench.send(*(change("a", number, leaves=number == 2) for number in (1, 2, 3)))

    await bench.send(*copies)

    assert await bench.names() == ["b", "a"]


async def test_a_leave_that_may_be_a_late_copy_is_settled_by_the_instance_at_once(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drafts, "LEAVES", 1)
    copy = change("a", 1, leaves=True, sent=bench.clock)
    await bench.send(join("b"), copy, leave("c"))
    await bench.send(change("a", 2))

    await bench.send(copy)

    assert await bench.names() == ["b", "a"]
    assert [probe.actor for probe in to_instances(await bench.later(0.01))] == ["a"]


async def test_who_asked_for_a_change_is_told_each_time_that_it_is_done(bench: Bench) -> None:
    caller = WorkflowCaller(MailboxQueue("Booking", 1), "a", "r", 7)
    joins = envelope(TagJoin("a", "r", True, 1, caller))

    posts = await bench.send(joins) + await bench.send(joins)

    assert [post.to for post in posts] == [caller.queue] * 2
    assert len({opened(post).id for post in posts}) == 1
    assert all(opened(post).run == "r" for post in posts)


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
