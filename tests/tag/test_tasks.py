"""Tags on tasks: what their members are sent, and how a task that never left is found."""

import pytest

from leveret_actors.actor import ActorAddress
from leveret_broker.address import ServiceQueue
from leveret_broker.codec import Payload
from leveret_broker.envelope import Cancel, Fanned, Probe, RetryTasks, SettleTask, Signal, TagFan, TagProbed
from leveret_broker.outcome import Completed
from tests.tag.bench import CALLER, QUEUE, Bench, answers, dead, envelope, join, leave, opened, to_instances

HOUR = 3600.0
DAY = 24 * HOUR
TASK = "5f0c.7"
OWNER = "Booking/b/1"


@pytest.fixture(params=[True, False], ids=["cached", "cold"])
async def bench(request: pytest.FixtureRequest) -> Bench:
    return await Bench(cached=request.param, key="@Hotel/order:1").open()


async def test_T05_cancelling_names_the_command_of_the_instance_that_asked_for_the_task(bench: Bench) -> None:
    await bench.send(join(TASK, OWNER, firm=True))

    posts = await bench.send(envelope(TagFan(Cancel(number=0, reason="late"), CALLER), "fan"))

    (post,) = [post for post in posts if isinstance(post.to, ActorAddress)]
    sent = opened(post)
    assert post.to == ActorAddress("Booking", "b/1")
    assert (sent.actor, sent.run, sent.id) == ("b/1", "5f0c", f"fan/{TASK}")
    assert sent.message == Cancel(number=7, reason="late")
    assert answers(posts) == [Fanned(1)]


async def test_T05_retrying_names_the_task(bench: Bench) -> None:
    await bench.send(join(TASK, OWNER, firm=True))

    (sent,) = to_instances(await bench.send(envelope(TagFan(RetryTasks(statuses=("failed",))))))

    assert sent.message == RetryTasks((TASK,), ("failed",))


async def test_T05_completing_goes_to_the_service(bench: Bench) -> None:
    await bench.send(join(TASK, OWNER, firm=True))
    outcome = Completed(Payload(b"\x01"))

    (post,) = [
        one for one in await bench.send(envelope(TagFan(SettleTask("", outcome)))) if one.to == ServiceQueue("Hotel")
    ]

    assert opened(post).message == SettleTask(TASK, outcome)


async def test_T05_what_is_not_about_tasks_is_given_up(bench: Bench) -> None:
    await bench.send(join(TASK, OWNER, firm=True))

    posts = await bench.send(envelope(TagFan(Signal("go", Payload(b"\x01")))))

    assert len(dead(posts)) == 1
    assert to_instances(posts) == []


async def test_T05_the_members_of_a_tag_on_instances_are_not_completed() -> None:
    bench = await Bench().open()
    await bench.send(join("i1", "5f0c", firm=True))

    posts = await bench.send(envelope(TagFan(SettleTask("", Completed(Payload(b"\x01"))))))

    assert len(dead(posts)) == 1
    assert to_instances(posts) == []


async def test_T05_a_task_that_left_is_sent_nothing_and_the_tag_vanishes(bench: Bench) -> None:
    await bench.send(join(TASK, OWNER, firm=True))
    await bench.send(leave(TASK, OWNER))

    assert await bench.gone()


async def test_T05_a_task_is_asked_for_each_day_and_leaves_when_its_instance_knows_it_no_more(bench: Bench) -> None:
    await bench.send(join(TASK, OWNER, firm=True))

    (first,) = to_instances(await bench.later(HOUR + 1))
    await bench.send(envelope(TagProbed(TASK, OWNER, known=True, number=1)))
    (second,) = to_instances(await bench.later(DAY + 1))
    await bench.send(envelope(TagProbed(TASK, OWNER, known=False, number=1)))

    assert first.message == second.message == Probe(QUEUE, "order:1", "5f0c", "Hotel", TASK, 1)
    assert await bench.gone()
