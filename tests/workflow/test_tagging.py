"""Tags that the running workflow adds and removes."""

from __future__ import annotations

import asyncio

import pytest

from leveret import workflow
from leveret.errors import ArgumentMismatch
from leveret.events import TagsAdded, TagsRemoved
from leveret_actors.actor import ActorAddress
from leveret_actors.testing import replay
from leveret_broker.address import TAGS, MailboxQueue
from leveret_broker.envelope import Ended, Envelope, Probe, RetryWorkflow, TagJoin, TagLeave, TagProbed
from leveret_broker.outcome import Completed
from tests.workflow.harness import CODEC, Driver


@workflow.define(name="W")
class Labelled:
    go = workflow.Channel[str]()

    async def run(self) -> list[list[str]]:
        seen = [sorted(workflow.info().tags)]
        await workflow.add_tags("new", "other")
        seen.append(sorted(workflow.info().tags))
        await self.go.receive()
        removed = workflow.remove_tags("new", "first")
        seen.append(sorted(workflow.info().tags))
        await removed
        await self.go.receive()
        return seen

    async def now(self) -> list[str]:
        return sorted(workflow.info().tags)


def told(driver: Driver, since: int = 0) -> list[tuple[str, TagJoin | TagLeave]]:
    """Return what the tags were sent, by their keys."""
    posts = [post for turn in driver.turns[since:] for post in turn.posts]
    found: list[tuple[str, TagJoin | TagLeave]] = []
    for post in posts:
        if isinstance(post.to, ActorAddress) and post.to.kind == TAGS and isinstance(post.envelope, Envelope):
            assert isinstance(post.envelope.message, TagJoin | TagLeave)
            found.append((post.to.key.partition("/")[2], post.envelope.message))
    return found


def answered(driver: Driver, since: int = 0) -> None:
    """Have the tags say that it is done."""
    for _, message in told(driver, since):
        if message.caller is not None:
            done = Ended(message.caller.number, Completed(CODEC.dump(None)))
            envelope = driver.envelope(done, message_id=f"{driver.run}.{message.caller.number}.d", run=driver.run)
            driver.turn(envelope)


def test_T04_a_change_is_sent_with_a_rising_number_and_awaited_until_the_tags_have_it() -> None:
    driver = Driver(Labelled)
    driver.start(tags=("first",))
    driver.signal("go", "on")

    joins = [(tag, message.number) for tag, message in told(driver)]
    answered(driver)
    driver.signal("go", "off")
    leaves = [(tag, type(message), message.number) for tag, message in told(driver)[3:]]
    answered(driver, since=2)

    assert joins == [("first", 0), ("new", 1), ("other", 2)]
    assert leaves[:2] == [("new", TagLeave, 3), ("first", TagLeave, 4)]
    assert driver.value == [["first"], ["first", "new", "other"], ["other"]]
    assert [tag for tag, _ in told(driver)[5:]] == ["other"]  # at the end
    assert replay(Labelled, driver.store.journal).turns == len(driver.store.journal)


def test_T04_an_instance_that_is_asked_knows_the_tags_of_now() -> None:
    driver = Driver(Labelled)
    driver.start(tags=("first",))
    answered(driver)

    def knows(tag: str) -> bool:
        (post,) = driver.send(Probe(MailboxQueue(TAGS, 0), tag, driver.run, number=7)).posts
        assert isinstance(post.envelope, Envelope)
        assert isinstance(post.envelope.message, TagProbed)
        assert post.envelope.message.number == 7
        return post.envelope.message.known

    before = [knows(tag) for tag in ("first", "new", "strange")]
    driver.signal("go", "on")

    assert before == [True, True, False]
    assert [knows(tag) for tag in ("first", "new", "other")] == [False, False, True]
    assert list(driver.state.tags) == ["other"]


@workflow.define(name="W")
class Careless:
    go = workflow.Channel[str]()

    async def run(self) -> list[str]:
        workflow.add_tags("kept").cancel()
        workflow.add_tags()
        with_timeout = asyncio.ensure_future(asyncio.wait_for(workflow.add_tags("late"), 0))
        await asyncio.wait([with_timeout])
        return sorted(workflow.info().tags)


def test_T04_who_does_not_wait_or_gives_up_waiting_carries_the_tag_all_the_same() -> None:
    driver = Driver(Careless)

    driver.start()
    driver.advance(1)

    assert driver.value == ["kept", "late"]
    assert [tag for tag, message in told(driver) if isinstance(message, TagJoin)] == ["kept", "late"]
    assert [tag for tag, message in told(driver) if isinstance(message, TagLeave)] == ["kept", "late"]


@workflow.define(name="W")
class Wrong:
    async def run(self, wanted: list[str], *, remove: bool) -> list[str]:
        try:
            await (workflow.remove_tags(*wanted) if remove else workflow.add_tags(*wanted))
        except ArgumentMismatch as error:
            return [str(error), *sorted(workflow.info().tags)]
        return []


@pytest.mark.parametrize(
    ("tags", "remove", "text"),
    [
        (["fine", ""], False, "is not usable"),
        (["fine", "a\nb"], False, "is not usable"),
        ([f"t{n}" for n in range(100)], False, "too many"),
        (["first", "u"], True, "stays until the instance ends"),
    ],
    ids=["empty", "unprintable", "many", "unique"],
)
def test_T04_what_may_not_be_is_refused_and_changes_nothing(tags: list[str], *, remove: bool, text: str) -> None:
    driver = Driver(Wrong)

    driver.start(tags=("first",), unique_tag="u", wanted=tags, remove=remove)

    assert text in driver.value[0]
    assert driver.value[1:] == ["first"]
    assert [(tag, type(message)) for tag, message in told(driver)] == [
        (tag, kind) for kind in (TagJoin, TagLeave) for tag in ("first", "u")
    ]


@workflow.define(name="W")
class Chained:
    go = workflow.Channel[str]()

    async def run(self, left: int) -> list[str]:
        workflow.add_tags(f"run {left}")
        if left:
            workflow.remove_tags("start")
            workflow.continue_as_new(left - 1)
        await self.go.receive()
        return sorted(workflow.info().tags)


def test_T04_changed_tags_go_over_to_the_next_run_and_numbers_rise_on() -> None:
    driver = Driver(Chained)
    driver.start(tags=("start", "stay"), left=2)
    first = told(driver)[0][1].run

    driver.signal("go", "on")

    assert driver.value == ["run 0", "run 1", "run 2", "stay"]
    changes = [(tag, message.number) for tag, message in told(driver)][2:]
    assert changes[:5] == [("run 2", 1), ("start", 2), ("run 1", 3), ("start", 4), ("run 0", 5)]
    assert sorted(tag for tag, _ in changes[5:]) == ["run 0", "run 1", "run 2", "stay"]
    assert {message.run for _, message in told(driver)} == {first}


@workflow.define(name="W")
class Breaks:
    go = workflow.Channel[str]()

    async def run(self) -> list[str]:
        await self.go.receive()
        workflow.remove_tags("first")
        workflow.add_tags("void")
        raise ZeroDivisionError


@workflow.define(name="W")
class Mended:
    go = workflow.Channel[str]()

    async def run(self) -> list[str]:
        await self.go.receive()
        await self.go.receive()
        return sorted(workflow.info().tags)


def test_T04_a_rewind_takes_the_changes_of_void_turns_back() -> None:
    driver = Driver(Breaks)
    driver.start(tags=("first",))
    driver.signal("go", "on")
    assert driver.status == "failed"
    assert list(driver.state.tags) == ["void"]

    driver.deploy(Mended)
    since = len(driver.turns)
    driver.send(RetryWorkflow())

    assert [(tag, type(message), message.number) for tag, message in told(driver, since)] == [
        ("first", TagJoin, 3),
        ("void", TagLeave, 4),
    ]
    driver.signal("go", "on")
    assert driver.value == ["first"]


def test_T04_an_instance_that_ends_without_its_code_leaves_the_tags_of_now() -> None:
    driver = Driver(Labelled)
    driver.start(tags=("first",))
    driver.signal("go", "on")
    answered(driver)
    since = len(driver.turns)

    driver.cancel(force=True)

    assert sorted(tag for tag, _ in told(driver, since)) == ["other"]


def test_T04_listeners_are_told_of_changes() -> None:
    driver = Driver(Labelled, listens=True)
    driver.start(tags=("first",))
    driver.signal("go", "on")
    answered(driver)

    added = [event.tags for event in driver.events if isinstance(event, TagsAdded)]
    removed = [event.tags for event in driver.events if isinstance(event, TagsRemoved)]
    assert added == [("first",), ("new",), ("other",)]
    assert removed == [("new",), ("first",)]


DAYS_30 = 30 * 86_400.0


def test_T03_a_failed_instance_that_is_not_retried_vanishes_with_its_tags() -> None:
    driver = Driver(Breaks)
    driver.start(tags=("first",), unique_tag="u")
    driver.signal("go", "on")
    since = len(driver.turns)

    driver.advance(DAYS_30 - 1)
    before = driver.store.there
    driver.advance(2)

    assert (before, driver.store.there) == (True, False)
    assert not driver.store.timers
    assert [tag for tag, _ in told(driver, since)] == ["void", "u"]


def test_T03_one_that_is_retried_in_time_stays() -> None:
    driver = Driver(Breaks)
    driver.start(tags=("first",))
    driver.signal("go", "on")
    driver.deploy(Mended)

    driver.advance(DAYS_30 - 1)
    driver.send(RetryWorkflow())
    waiting = dict(driver.store.timers)
    driver.advance(DAYS_30)

    assert driver.status == "running"
    assert not waiting
    assert not driver.store.timers
