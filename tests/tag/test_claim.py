"""Unique tags."""

import pytest

from leveret_broker.address import MailboxQueue
from leveret_broker.envelope import (
    AwaitResult,
    Ended,
    Probe,
    Start,
    Started,
    TagClaim,
    TagLeave,
    TagProbed,
    WorkflowCaller,
)
from leveret_broker.messages.tag import BEGINS_NOTHING
from leveret_broker.outcome import Failed
from tests.tag.bench import Bench, answers, claim, envelope, fan, join, leave, opened, to_instances

HOUR = 3600.0


@pytest.fixture(params=[True, False], ids=["cached", "cold"])
async def bench(request: pytest.FixtureRequest) -> Bench:
    return await Bench(cached=request.param).open()


async def test_W08_a_free_unique_tag_is_given_and_the_start_passed_on(bench: Bench) -> None:
    posts = await bench.send(claim("a", "r1"))

    (start,) = to_instances(posts)
    assert isinstance(start.message, Start)
    assert start.actor == "a"
    assert answers(posts) == []


async def test_W08_of_two_claims_one_starts_and_the_other_hears_of_it(bench: Bench) -> None:
    posts = await bench.send(claim("a", "r1"), claim("b", "r2"))

    assert [start.actor for start in to_instances(posts)] == ["a"]
    assert answers(posts) == [Started("a", "r1", new=False)]


async def test_T06_a_claim_that_is_refused_leaves_the_other_tags_of_its_start_at_once(bench: Bench) -> None:
    await bench.send(claim("a", "r1", tags=("all", "order:1")))

    posts = to_instances(await bench.send(claim("b", "r2", tags=("all", "order:1", "vip"))))

    assert [(post.actor, post.message) for post in posts] == [
        ("Booking/all", TagLeave("b", "r2", BEGINS_NOTHING)),
        ("Booking/vip", TagLeave("b", "r2", BEGINS_NOTHING)),
    ]


async def test_on_conflict_fail_is_answered_with_a_conflict(bench: Bench) -> None:
    await bench.send(claim("a", "r1"))

    posts = await bench.send(claim("b", "r2", on_conflict="fail"))

    assert to_instances(posts) == []
    assert answers(posts) == [Started("a", "r1", new=False, conflict=True)]


async def test_the_same_claim_again_passes_the_start_on_again(bench: Bench) -> None:
    await bench.send(claim("a", "r1", "c1"))

    posts = await bench.send(claim("a", "r1", "c1"))

    assert [start.actor for start in to_instances(posts)] == ["a"]
    assert len(await bench.members()) == 1


async def test_T06_a_unique_tag_whose_instance_ended_can_be_used_again(bench: Bench) -> None:
    await bench.send(claim("a", "r1"))
    await bench.send(join("a", "r1", firm=True))
    await bench.send(leave("a", "r1"))
    assert await bench.gone()

    posts = await bench.send(claim("b", "r2"))

    assert [start.actor for start in to_instances(posts)] == ["b"]


async def test_T06_a_unique_tag_whose_start_got_lost_does_not_stay_locked(bench: Bench) -> None:
    await bench.send(claim("a", "r1", "c1"), join("keeps the tag alive", "r9"))
    probe, _ = to_instances(await bench.later(HOUR + 1))
    assert isinstance(probe.message, Probe)

    await bench.send(envelope(TagProbed("a", "r1", known=False, number=1)))
    posts = await bench.send(claim("b", "r2"), claim("a", "r1", "c1"))

    assert [start.actor for start in to_instances(posts)] == ["b"]
    assert answers(posts) == [Started("b", "r2", new=False)]


async def test_the_leave_of_a_mere_member_does_not_free_it(bench: Bench) -> None:
    await bench.send(claim("a", "r1"), join("b", "r2"))

    posts = await bench.send(leave("b", "r2"), claim("c", "r3"))

    assert answers(posts) == [Started("a", "r1", new=False)]


async def test_a_refused_claim_delivered_again_after_the_holder_left_starts_nothing(bench: Bench) -> None:
    await bench.send(claim("a", "r1"), claim("b", "r2", "c2"), leave("a", "r1"))

    posts = await bench.send(claim("b", "r2", "c2"))

    assert to_instances(posts) == []
    assert answers(posts) == [Started("a", "r1", new=False)]


async def test_W18_the_same_start_again_after_its_run_ended_is_passed_on_and_takes_nothing(bench: Bench) -> None:
    await bench.send(claim("a", "r1"), join("keeps the tag alive", "r9"), leave("a", "r1"))

    posts = await bench.send(claim("a", "r1"), claim("b", "r2"))

    assert [start.actor for start in to_instances(posts)] == ["a", "b"]


async def test_the_memory_of_refused_claims_ends_after_an_hour(bench: Bench) -> None:
    await bench.send(claim("a", "r1"), claim("b", "r2", "c2"), leave("a", "r1"))

    await bench.later(HOUR + 1)

    assert await bench.gone()


async def test_the_holder_is_a_member_too(bench: Bench) -> None:
    await bench.send(claim("a", "r1"), join("b", "r2"))

    posts = await bench.send(fan("f"))

    assert sorted(post.id for post in to_instances(posts)) == ["f/a", "f/b"]


async def test_a_workflow_that_claims_a_taken_tag_is_put_in_the_line_for_the_holders_outcome(bench: Bench) -> None:
    caller = WorkflowCaller(MailboxQueue("Parent", 1), "p", "pr", 7)
    await bench.send(claim("a", "r1"))

    (wait,) = to_instances(await bench.send(envelope(TagClaim("b", "r2", b"", caller))))

    assert (wait.actor, wait.run, wait.message) == ("a", "r1", AwaitResult(caller))


async def test_a_workflow_that_claims_a_taken_tag_with_fail_gets_a_failure(bench: Bench) -> None:
    caller = WorkflowCaller(MailboxQueue("Parent", 1), "p", "pr", 7)
    await bench.send(claim("a", "r1"))

    (post,) = await bench.send(envelope(TagClaim("b", "r2", b"", caller, "fail")))

    ended = opened(post).message
    assert post.to == caller.queue
    assert opened(post).run == "pr"
    assert isinstance(ended, Ended)
    assert ended.number == 7
    assert isinstance(ended.outcome, Failed)
    assert ended.outcome.failure.where["instance"] == "a"
