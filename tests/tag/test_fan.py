"""Fan-outs reach the members of their moment, once each."""

import pytest

from leveret import cloud_events
from leveret.events import SignalDiscarded
from leveret_actors.answers import found_somebody
from leveret_actors.tag import fan as fans
from leveret_actors.tag.lookup import PAGE
from leveret_actors.tag.state import ANSWERS
from leveret_broker.address import TAGS, EventTopic, MailboxQueue
from leveret_broker.envelope import Cancel, Ended, Envelope, Fanned, Refused, Signal, TagFan, WorkflowCaller
from tests.tag.bench import PAYLOAD, QUEUE, TAG, Bench, answers, dead, envelope, fan, join, leave, to_instances


@pytest.fixture(params=[True, False], ids=["cached", "cold"])
async def bench(request: pytest.FixtureRequest) -> Bench:
    return await Bench(cached=request.param).open()


async def test_C02_every_member_gets_it_with_its_run_and_a_derived_id(bench: Bench) -> None:
    await bench.send(join("a", "r1"), join("b", "r2"))

    posts = await bench.send(fan("f"))

    assert [(post.id, post.actor, post.run) for post in to_instances(posts)] == [("f/a", "a", "r1"), ("f/b", "b", "r2")]
    assert answers(posts) == [Fanned(2)]


async def test_forwarded_signals_are_patient_and_other_messages_pass_unchanged(bench: Bench) -> None:
    await bench.send(join("a"))

    signal, cancel = (post.message for post in to_instances(await bench.send(fan(), fan(message=Cancel(reason="x")))))

    assert isinstance(signal, Signal)
    assert signal.patient
    assert cancel == Cancel(reason="x")


async def test_nobody_is_reached_through_a_tag_nobody_has(bench: Bench) -> None:
    posts = await bench.send(fan())

    assert answers(posts) == [Fanned(0)]
    assert await bench.gone()


async def test_a_signal_for_a_tag_that_nobody_has_is_told_under_one_id_however_often_it_comes(bench: Bench) -> None:
    bench.wanted = frozenset({"signalDiscarded"})

    bodies = [
        post.envelope
        for _ in range(2)
        for post in await bench.send(fan("f"), fan(message=Cancel()))
        if isinstance(post.to, EventTopic) and isinstance(post.envelope, bytes)
    ]

    first, again = map(cloud_events.decode, bodies)
    assert isinstance(first, SignalDiscarded)
    assert isinstance(again, SignalDiscarded)
    assert (first.id, first.workflow, first.tag, first.channel, first.message_id) == (
        again.id, "Booking", "order:1", "decisions", "f",
    )  # fmt: skip


async def test_the_same_fan_out_again_reaches_nobody_and_is_answered_again(bench: Bench) -> None:
    await bench.send(join("a"), fan("f"))

    again = await bench.send(fan("f"), join("b"))

    assert to_instances(again) == []
    assert answers(again) == [Fanned(1)]


async def test_a_fan_out_that_comes_again_while_it_is_under_way_is_answered_once(bench: Bench) -> None:
    await bench.send(*(join(f"i{number}") for number in range(PAGE + 1)))

    posts = await bench.send(fan("f"), fan("f"))

    assert answers(posts) == [Fanned(PAGE + 1)]


async def test_a_tag_remembers_what_the_last_fan_outs_reached(bench: Bench) -> None:
    await bench.send(join("a"))
    for number in range(ANSWERS + 1):
        await bench.send(fan(f"f{number}"))

    forgotten, oldest, latest = [answers(await bench.send(fan(f"f{number}"))) for number in (0, 1, ANSWERS)]

    assert forgotten == []
    assert oldest == latest == [Fanned(1)]


async def test_an_actor_that_sends_the_same_again_is_told_that_it_came_before(bench: Bench) -> None:
    caller = WorkflowCaller(MailboxQueue(TAGS, 1), "!@tag/Order/t", "", 1)
    signal = envelope(TagFan(Signal("decisions", PAYLOAD), caller), "f")
    await bench.send(join("a"), signal)

    [post] = (one.envelope for one in await bench.send(signal))

    assert isinstance(post, Envelope)
    assert isinstance(post.message, Ended)
    assert found_somebody(post.message.outcome)


async def test_who_joins_after_it_is_not_reached_and_who_leaves_after_it_is(bench: Bench) -> None:
    posts = await bench.send(join("a"), join("b"), fan("f"), join("c"), leave("a"))

    assert sorted(post.actor for post in to_instances(posts)) == ["a", "b"]
    assert answers(posts) == [Fanned(2)]


async def test_who_left_before_it_is_not_reached(bench: Bench) -> None:
    await bench.send(join("a"), join("b"))

    posts = await bench.send(leave("a"), fan("f"))

    assert [post.actor for post in to_instances(posts)] == ["b"]


@pytest.mark.parametrize("cached", [True, False])
async def test_T02_twenty_thousand_members_are_reached_once_each_in_bounded_turns(*, cached: bool) -> None:
    bench = await Bench(cached=cached).open()
    for start in range(0, 20_000, 5000):
        await bench.send(*(join(f"i{n}") for n in range(start, start + 5000)))
    turns = bench.turns

    posts = await bench.send(fan("f"))

    reached = [post.actor for post in to_instances(posts)]
    assert len(set(reached)) == len(reached) == 20_000
    assert bench.turns - turns == 20_000 / PAGE
    assert answers(posts) == [Fanned(20_000)]


async def test_members_that_leave_while_it_is_under_way_get_it_once(bench: Bench) -> None:
    await bench.send(*(join(f"i{n}") for n in range(1500)))

    first = await bench.turn(fan("f"))
    second = await bench.turn(leave("i0"), leave("i1400"), leave("i700"), join("late"))
    while bench.more:
        await bench.turn()

    assert len(first.posts) == PAGE
    assert len(second.posts) <= PAGE + 2
    reached = [post.actor for post in to_instances(bench.posts)]
    assert sorted(reached) == sorted(f"i{n}" for n in range(1500))
    assert answers(bench.posts) == [Fanned(1500)]


async def test_a_second_one_waits_for_the_first(bench: Bench) -> None:
    await bench.send(*(join(f"i{n}") for n in range(800)))

    posts = to_instances(await bench.send(fan("f"), fan("g")))

    assert [post.id.partition("/")[0] for post in posts] == ["f"] * 800 + ["g"] * 800


async def test_one_under_way_goes_on_at_the_next_owner() -> None:
    bench = await Bench(cached=False).open()
    await bench.send(*(join(f"i{n}") for n in range(800)))
    await bench.turn(fan("f"))

    taken = await bench.store.take_over(QUEUE, "other")
    bench.epoch = taken.epoch
    assert taken.stalled == (TAG,)
    await bench.send()

    assert len({post.actor for post in to_instances(bench.posts)}) == 800
    assert (await bench.store.take_over(QUEUE, "third")).stalled == ()


async def test_a_page_of_large_messages_is_small(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fans, "PAGE_BYTES", 400)
    await bench.send(*(join(f"i{n}") for n in range(50)))

    first = await bench.turn(fan("f"))
    while bench.more:
        await bench.turn()

    assert 1 <= len(first.posts) < 20
    assert len({post.actor for post in to_instances(bench.posts)}) == len(to_instances(bench.posts)) == 50


async def test_too_many_waiting_ones_are_refused_and_dead_lettered(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fans, "WAITING_BYTES", 300)
    await bench.send(*(join(f"i{n}") for n in range(800)))

    posts = await bench.send(*(fan(f"f{n}") for n in range(20)))

    refused = [answer for answer in answers(posts) if isinstance(answer, Refused)]
    assert 0 < len(refused) < 20
    assert [letter.id for letter in dead(posts)] == [f"f{n}" for n in range(20 - len(refused), 20)]
    assert len(to_instances(posts)) == 800 * (20 - len(refused))
