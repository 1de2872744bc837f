"""W13: continue-as-new."""

from __future__ import annotations

from typing import Any

import pytest

from leveret import events, service, workflow
from leveret.errors import ArgumentMismatch
from leveret_actors.actor import ActorAddress
from leveret_actors.workflow import EngineSettings
from leveret_broker.address import TAGS, MailboxQueue
from leveret_broker.envelope import (
    Call,
    Cancel,
    CancelTask,
    Describe,
    Description,
    Probe,
    Signal,
    Started,
    TagLeave,
    TagProbed,
    WorkflowCaller,
)
from leveret_broker.ids import run_of
from leveret_broker.outcome import Cancelled, Completed, Failed, Unknown
from tests.workflow.harness import CODEC, Driver, replies
from tests.workflow.test_starting import client


@service.define(name="Mill")
class Mill:
    async def grind(self, bag: int) -> int:
        return bag


@workflow.define(name="Wheel", timeout=500)
class Wheel:
    """Turns as often as it is told to; each turn takes two signals and leaves the others."""

    mill = workflow.service(Mill)
    water = workflow.Channel[str]()

    def __init__(self) -> None:
        self.busy = False

    async def run(self, left: int, got: list[str]) -> list[str]:
        workflow.timer(1000)
        workflow.dispatch(self.mill.grind, left)
        got = [*got, *await self.water.receive(2)]
        if left:
            workflow.dispatch(self.mill.grind, 100 + left)
            workflow.continue_as_new(left - 1, got=got)
        return got

    async def pause(self) -> str:
        self.busy = True
        await workflow.timer(10)
        return "rested"


def start(left: int, *, evict: bool = False, **options: Any) -> Driver:
    driver = Driver(Wheel, evict=evict)
    driver.start(left=left, got=[], tags=("a",), unique_tag="u", meta={"who": "me"}, **options)
    return driver


def pour(driver: Driver, *drops: str) -> None:
    driver.turn(*(driver.signal_envelope("water", drop, message_id=drop) for drop in drops))


@pytest.mark.parametrize("evict", [False, True])
def test_W13_five_runs_in_a_row_keep_tags_meta_and_signals_and_answer_the_first_caller(*, evict: bool) -> None:
    driver = start(5, evict=evict)

    first = driver.run
    for drops in ("abc", "def", "gh", "ijkl"):
        pour(driver, *drops)

    expected = first
    for _ in range(5):
        expected = run_of("Wheel", "i", f"{expected}/next")
    assert driver.run == expected
    assert driver.answers == [Completed(CODEC.dump(list("abcdefghijkl")))]
    assert (driver.state.tags, driver.state.unique_tag, driver.state.meta) == (("a",), "u", {"who": "me"})
    assert driver.timers == []


def test_W13_the_new_journal_has_nothing_of_the_old_one_and_runs_in_the_next_turn() -> None:
    driver = start(1)

    turn = driver.turn(*(driver.signal_envelope("water", drop) for drop in "abc"))

    assert turn.more
    assert turn.write is not None
    assert turn.write.new_run
    assert turn.write.stalled
    assert [(record.number, record.ran) for record in driver.records] == [(1, False), (2, True)]
    assert not driver.turns[-1].more
    assert driver.turns[-1].write is not None
    assert not driver.turns[-1].write.stalled


def test_W13_tasks_and_timers_of_the_old_run_go_and_what_was_not_sent_yet_is_never_sent() -> None:
    driver = start(1)
    old = driver.run

    pour(driver, "a", "b")

    (revoked,) = driver.revoked
    assert revoked.startswith(f"{old}.")
    assert [CODEC.load(task.arguments)["bag"] for task in driver.tasks] == [1, 0]
    assert {run for run, _ in driver.store.timers} == {driver.run}
    assert driver.timers == [500.0, 1000.0]
    assert any(isinstance(getattr(post.envelope, "message", None), CancelTask) for post in driver.posts)


def test_W17_a_late_result_of_the_old_run_never_reaches_the_new_one() -> None:
    driver = start(1)
    late = [driver.ended(number, 7) for number in (1, 2)]
    pour(driver, "a", "b")

    turn = driver.turn(*late)

    assert turn.write is None


def test_W13_what_is_meant_for_any_run_of_the_chain_reaches_the_last_one() -> None:
    driver = start(30)
    first = driver.run
    for number in range(25):
        pour(driver, f"{number}a", f"{number}b")

    driver.send(Signal("water", CODEC.dump("x")), run=first)
    driver.send(Call("pause", CODEC.dump({}), client("call")), run=first)
    (described,) = replies(driver.send(Describe(client("d")), run=first).posts)
    driver.send(Cancel(reason="enough"), run=first)

    assert isinstance(described, Description)
    assert (described.data["run"], described.data["signals"]) == (driver.run, {})
    assert driver.status == "cancelled"
    assert [type(outcome) for outcome in driver.answers] == [Cancelled, Cancelled]


def test_W13_a_cancelled_command_of_the_old_run_is_none_of_the_new_one() -> None:
    driver = start(1)
    first = driver.run
    pour(driver, "a", "b")

    turn = driver.send(Cancel(number=1), run=first)

    assert turn.write is None


def test_W13_a_message_of_the_old_run_that_comes_again_is_dropped() -> None:
    driver = start(2)
    pour(driver, "a", "b")

    pour(driver, "a", "b")
    assert driver.records[-1].number == 2
    again = driver.start(left=2, got=[])

    assert again.write is None
    assert not again.posts


def test_W13_tags_keep_their_member_until_the_last_run_closes() -> None:
    driver = start(1)
    first, queue = driver.run, MailboxQueue(TAGS, 0)
    pour(driver, "a", "b")

    (probed,) = driver.send(Probe(queue, "a", first)).posts
    before = [post for post in driver.posts if isinstance(getattr(post.envelope, "message", None), TagLeave)]
    pour(driver, "c", "d")

    assert not isinstance(probed.envelope, bytes)
    assert probed.envelope.message == TagProbed("i", first, known=True)
    assert before == []
    left = [post for post in driver.turns[-1].posts if isinstance(post.to, ActorAddress)]
    assert [getattr(post.envelope, "message", None) for post in left] == [TagLeave("i", first)] * 2


def test_W13_another_start_after_the_chain_is_a_run_of_its_own() -> None:
    driver = start(1)
    first = driver.run
    pour(driver, *"abcd")

    driver.start(message_id="other", on_closed="new", left=0, got=[], tags=("a",))
    late = driver.start(left=1, got=[], on_closed="new")

    assert driver.run == run_of("Wheel", "i", "other")
    assert driver.state.chain == ()
    assert late.write is None
    assert driver.send(Signal("water", CODEC.dump("x")), run=first).write is None
    assert isinstance(driver.answers[-1], Unknown)


def test_W13_starts_are_answered_with_the_run_that_handles_may_keep() -> None:
    driver = start(1)
    first = driver.run
    pour(driver, "a", "b")

    again = driver.start(left=1, got=[], acknowledge=client("again"))
    other = driver.start(message_id="other", left=1, got=[], acknowledge=client("other"))

    assert replies(again.posts) == [Started("i", first, new=True)]
    assert replies(other.posts) == [Started("i", first, new=False)]


def test_W13_a_parent_that_waits_is_told_by_the_last_run() -> None:
    parent = WorkflowCaller(MailboxQueue("Parent", 3), "p", "prun", 4)
    driver = start(1, caller=parent, parent=parent)

    pour(driver, *"abcd")

    (told,) = [post.envelope for post in driver.posts if post.to == parent.queue]
    assert not isinstance(told, bytes)
    assert (told.actor, told.run) == ("p", "prun")


def test_W13_other_methods_are_waited_for() -> None:
    driver = start(1)
    first = driver.run
    driver.send(Call("pause", CODEC.dump({}), client("call")))

    pour(driver, "a", "b")
    waiting = driver.run
    driver.advance(10)

    assert waiting == first
    assert driver.run != first
    assert driver.answers == [Completed(CODEC.dump("rested"))]


def test_W13_a_run_that_is_cancelled_does_not_go_on() -> None:
    driver = start(1)
    driver.send(Call("pause", CODEC.dump({}), client("call")))
    pour(driver, "a", "b")

    driver.cancel()

    assert driver.status == "cancelled"


@workflow.define(name="Wrong")
class Wrong:
    async def run(self, how: int) -> str:
        try:
            if how == 1:
                workflow.continue_as_new("one")
            await workflow.get("Wrong", id="x").call("side")
        except ArgumentMismatch as error:
            return str(error)
        return ""

    async def side(self) -> None:
        workflow.continue_as_new(1)


def test_W13_arguments_are_checked_where_they_are_given() -> None:
    driver = Driver(Wrong)

    driver.start(how=1)

    assert "'how'" in driver.value


def test_W13_only_the_main_method_continues() -> None:
    driver = Driver(Wrong)
    driver.start(how=2)

    driver.send(Call("side", CODEC.dump({}), client("call")))

    (outcome,) = driver.answers
    assert isinstance(outcome, Failed)
    assert outcome.failure.message.startswith("continue_as_new() is for")


def test_W13_listeners_are_told() -> None:
    driver = Driver(Wheel, listens=True)
    driver.start(left=1, got=[])
    first = driver.run

    pour(driver, "a", "b")

    (told,) = [event for event in driver.events if isinstance(event, events.WorkflowContinued)]
    _, begun = [event for event in driver.events if isinstance(event, events.WorkflowDispatched)]
    assert (told.run, told.next_run) == (first, driver.run)
    assert driver.events.index(begun) == driver.events.index(told) + 1
    assert (begun.run, begun.method) == (driver.run, "run")
    old = [event.type for event in driver.events if event.run == first]
    assert old[-3:] == ["timerCancelled", "taskCancelled", "continued"]


def test_a_journal_that_grows_long_is_said_once_and_told_by_describe() -> None:
    driver = Driver(Wheel, settings=EngineSettings(long_entries=6), listens=True)
    driver.start(left=1, got=[])
    for number in range(4):
        driver.send(Call("pause", CODEC.dump({})), message_id=f"c{number}")

    told = [event for event in driver.events if isinstance(event, events.JournalLong)]
    (described,) = replies(driver.send(Describe(client("d"))).posts)

    assert len(told) == 1
    assert isinstance(described, Description)
    journal: Any = described.data["journal"]
    assert (journal["records"], journal["entries"]) == (5, driver.state.entries)
    assert journal["bytes"] == sum(map(len, driver.store.journal))
