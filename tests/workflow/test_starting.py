"""W: starts that meet, waiters, and what others ask an instance."""

import asyncio
from typing import Any

from leveret import workflow
from leveret_actors.actor import ActorAddress, Inbox
from leveret_actors.workflow import WorkflowActors, journal
from leveret_broker.address import TAGS, MailboxQueue
from leveret_broker.envelope import (
    AwaitResult,
    ClientCaller,
    Describe,
    Description,
    Ended,
    Envelope,
    HistoryPage,
    Probe,
    ReadHistory,
    Refused,
    Started,
    TagJoin,
    TagLeave,
    TagProbed,
    WorkflowCaller,
)
from leveret_broker.ids import run_of
from leveret_broker.messages.tag import BEGINS_NOTHING
from leveret_broker.outcome import Completed, Failed, Unknown
from tests.workflow.harness import CODEC, Driver, replies


@workflow.define(name="Gate")
class Gate:
    go = workflow.Channel[int]()

    async def run(self) -> int:
        return await self.go.receive()


def client(request: str) -> ClientCaller:
    return ClientCaller("client", request)


def started(driver: Driver, **options: Any) -> Driver:
    driver.start(acknowledge=client("ack"), **options)
    return driver


def test_W07_a_second_start_gets_the_first_ones_run_and_its_result() -> None:
    driver = started(Driver(Gate))

    second = driver.start(message_id="other", caller=client("second"), acknowledge=client("ack2"))
    assert replies(second.posts) == [Started("i", driver.run, new=False)]
    driver.signal("go", 1)

    assert len(driver.answers) == 2
    assert driver.value == 1


def test_W07_a_second_start_that_wants_to_fail_is_refused() -> None:
    driver = started(Driver(Gate))

    turn = driver.start(message_id="other", caller=client("second"), acknowledge=client("ack2"), on_conflict="fail")

    assert turn.write is None
    conflict, refused = replies(turn.posts)
    assert conflict == Started("i", driver.run, new=False, conflict=True)
    assert isinstance(refused, Refused)


def test_W07_two_starts_in_one_batch_are_one_run() -> None:
    driver = Driver(Gate)

    turn = driver.turn(
        driver.start_envelope(acknowledge=client("a")),
        driver.start_envelope(message_id="other", acknowledge=client("b"), caller=client("second")),
    )

    assert [m.new for m in replies(turn.posts) if isinstance(m, Started)] == [True, False]
    driver.signal("go", 1)
    assert len(driver.answers) == 2


def test_W17_a_closed_id_keeps_its_result_by_default() -> None:
    driver = started(Driver(Gate))
    driver.signal("go", 1)
    run = driver.run

    turn = driver.start(message_id="later", acknowledge=client("ack2"))

    assert replies(turn.posts)[0] == Started("i", run, new=False)
    assert driver.answers == [Completed(CODEC.dump(1))] * 2


def test_W17_a_closed_id_started_anew_is_another_run() -> None:
    driver = started(Driver(Gate))
    driver.signal("go", 1)
    first = driver.run

    turn = driver.start(message_id="later", on_closed="new")

    assert turn.write is not None
    assert turn.write.new_run
    assert driver.run != first
    assert driver.status == "running"
    late = driver.envelope(Ended(1, Completed(CODEC.dump(9))), run=first)
    assert driver.turn(late).write is None
    again = driver.start(on_closed="new")
    assert again.write is None
    assert isinstance(driver.answers[-1], Unknown)
    assert driver.state.starts == (bytes.fromhex(first),)


def test_W17_a_closed_id_may_refuse_another_start() -> None:
    driver = started(Driver(Gate))
    driver.signal("go", 1)

    turn = driver.start(message_id="later", on_closed="fail", acknowledge=client("ack2"))

    assert isinstance(replies(turn.posts)[1], Refused)


def test_W18_the_same_start_again_is_answered_again_and_does_nothing_else() -> None:
    driver = started(Driver(Gate))

    at_once = driver.start(acknowledge=client("ack"))
    driver.signal("go", 1)
    after = driver.start(acknowledge=client("ack"), on_closed="new")

    assert at_once.write is None
    assert replies(at_once.posts) == [Started("i", driver.run, new=True)]
    assert after.write is None
    assert len(replies(after.posts)) == 2
    assert driver.answers == [Completed(CODEC.dump(1))] * 2


def test_W10_the_result_of_an_unknown_id_or_run_is_answered_at_once() -> None:
    driver = Driver(Gate)

    driver.send(AwaitResult(client("r")))
    driver.start()
    driver.send(AwaitResult(client("r")), run="another")

    assert [type(outcome) for outcome in driver.answers] == [Unknown, Unknown]


def test_W09_the_result_is_answered_after_completion_and_to_all_who_waited() -> None:
    driver = started(Driver(Gate), caller=None)

    waiting = driver.envelope(AwaitResult(client("early")))
    driver.turn(waiting)
    driver.turn(waiting)
    driver.signal("go", 1)
    assert len(driver.answers) == 1
    driver.turn(waiting)
    driver.send(AwaitResult(client("late")), run=driver.run)

    assert driver.answers == [Completed(CODEC.dump(1))] * 3


def test_a_parent_is_told_in_its_mailbox() -> None:
    parent = WorkflowCaller(MailboxQueue("Parent", 3), "p", "prun", 4)
    driver = Driver(Gate)
    driver.start(caller=parent, parent=parent)

    turn = driver.signal("go", 1)

    (post,) = [post for post in turn.posts if post.to == parent.queue]
    assert not isinstance(post.envelope, bytes)
    assert (post.envelope.actor, post.envelope.run) == ("p", "prun")
    assert post.envelope.message == Ended(4, Completed(CODEC.dump(1)))


def test_tags_are_joined_by_the_first_turn_and_left_by_the_last() -> None:
    driver = Driver(Gate)

    first = driver.start(tags=("a", "b"), unique_tag="u")
    last = driver.signal("go", 1)

    def tag_posts(turn: Any, kind: type) -> list[ActorAddress]:
        found = [post for post in turn.posts if isinstance(post.envelope.message, kind)]
        assert all(getattr(post.envelope.message, "firm", True) for post in found)
        return [post.to for post in found]

    everyone = [ActorAddress(TAGS, f"Gate/{tag}") for tag in ("a", "b", "u")]
    assert tag_posts(first, TagJoin) == everyone
    assert tag_posts(last, TagLeave) == everyone


def test_describe_shows_what_an_instance_waits_for() -> None:
    driver = started(Driver(Gate), tags=("a",))

    turn = driver.send(Describe(client("d")))
    (description,) = replies(turn.posts)

    assert isinstance(description, Description)
    assert turn.write is None
    assert description.data["status"] == "running"
    assert description.data["pending"] == [
        {
            "number": 1,
            "kind": "receive",
            "name": "go",
            "status": "ongoing",
            "since": driver.clock,
            "due": 0.0,
            "instance": "",
            "method": "main",
        }
    ]
    assert replies(Driver(Gate).send(Describe(client("d"))).posts) == [Description(found=False)]


def test_history_is_read_by_pages() -> None:
    driver = Driver(Gate, evict=True)
    driver.start()
    driver.send(AwaitResult(client("r")))

    (page,) = replies(driver.send(ReadHistory(client("h"), after=0, limit=1)).posts)
    (rest,) = replies(driver.send(ReadHistory(client("h"), after=1)).posts)

    assert isinstance(page, HistoryPage)
    assert isinstance(rest, HistoryPage)
    assert [journal.decode(r).number for r in (*page.records, *rest.records)] == [1, 2]
    assert page.more
    assert not rest.more


def test_history_of_a_live_instance_is_read_from_the_store_before_deciding() -> None:
    asked: list[tuple[str, int, int]] = []

    async def read(queue: MailboxQueue, actor: str, after: int, limit: int) -> list[bytes]:
        asked.append((actor, after, limit))
        return [b"one", b"two"]

    driver = Driver(Gate)
    driver.start()
    actors = WorkflowActors("Gate", {1: workflow.definition_of(Gate)}, CODEC, read_journal=read)
    inbox = Inbox("i", [driver.envelope(ReadHistory(client("h"), after=3, limit=1))], live=driver.live)

    asyncio.run(actors.prepare(driver.queue, [inbox]))
    turn = actors.decide(driver.queue, inbox, driver.clock)

    assert asked == [("i", 3, 2)]
    assert replies(turn.posts) == [HistoryPage((b"one",), more=True)]


def test_a_probe_is_answered_for_the_run_it_asks_for() -> None:
    driver = Driver(Gate)
    queue = MailboxQueue(TAGS, 2)

    def probe(run: str) -> bool:
        (post,) = driver.send(Probe(queue, "a", run)).posts
        assert post.to == queue
        assert not isinstance(post.envelope, bytes)
        assert post.envelope.actor == "Gate/a"
        assert isinstance(post.envelope.message, TagProbed)
        return post.envelope.message.known

    assert not probe("run")
    driver.start(tags=("a",))
    assert probe(driver.run)
    assert not probe("another")


def test_a_method_that_does_not_exist_fails_the_start() -> None:
    driver = Driver(Gate)

    driver.start(method="nothing")

    assert driver.status == "failed"
    assert isinstance(driver.answers[0], Failed)
    assert "nothing" in driver.state.reason


def test_W08_a_start_that_begins_nothing_takes_back_the_tags_it_joined() -> None:
    driver = started(Driver(Gate))

    for options in ({"message_id": "other"}, {"message_id": "third", "on_conflict": "fail"}):
        turn = driver.start(tags=("order:1",), unique_tag="cart:1", **options)

        run = run_of("Gate", "i", options["message_id"])
        leaves = [post.envelope for post in turn.posts if isinstance(post.to, ActorAddress)]
        assert [(leave.actor, leave.message) for leave in leaves if isinstance(leave, Envelope)] == [
            ("Gate/order:1", TagLeave("i", run, BEGINS_NOTHING)),
            ("Gate/cart:1", TagLeave("i", run, BEGINS_NOTHING)),
        ]
