"""What comes after a fold: who asks again, newer code, rewinds, the next run."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from typing import Any, Generic, TypeVar

import pytest

from leveret import workflow
from leveret_actors.testing import replay
from leveret_broker.envelope import (
    AwaitResult,
    ClientCaller,
    Ended,
    RetryTasks,
)
from leveret_broker.outcome import Completed, Failed, Failure, Unknown
from tests.workflow.card import Card, Level, assert_the_head_counts, call, card, folds, points
from tests.workflow.harness import CODEC, Driver


@pytest.mark.parametrize("cold", [False, True])
def test_a_call_that_comes_again_after_its_fold_is_answered_and_not_run(cold: bool) -> None:
    driver = card(fold_after=3)
    for number in range(10):
        call(driver, "add", message_id=f"a{number}", points=1)
    if cold:
        driver.live = None

    for number in range(10):
        call(driver, "add", message_id=f"a{number}", points=1)

    assert [CODEC.load(answer.value) for answer in driver.answers] == [*range(1, 11)] * 2  # type: ignore[union-attr]
    assert points(driver) == 10


def test_a_result_that_comes_again_after_its_fold_is_dropped() -> None:
    driver = card(fold_after=2)
    call(driver, "post", points=1)
    ended = driver.ended(1, 5)
    driver.turn(ended)
    assert folds(driver) == [2]
    driver.live = None

    driver.turn(ended)

    assert points(driver) == 5


def test_who_awaits_a_folded_method_gets_its_outcome() -> None:
    driver = card(fold_after=2)
    call(driver, "add", message_id="a", points=3)
    identity = driver.records[-1].ended[0].id
    for _ in range(4):
        call(driver, "add", points=1)
    driver.live = None

    driver.send(AwaitResult(ClientCaller("c", "r"), method=identity), run=driver.run)

    assert CODEC.load(driver.answers[-1].value) == 3  # type: ignore[union-attr]


def test_a_call_whose_outcome_is_not_kept_any_more_gets_a_clear_error_and_is_not_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("leveret_actors.workflow.folding.KEPT_BYTES", 100)
    driver = card(fold_after=3)
    for number in range(20):
        call(driver, "add", message_id=f"a{number}", points=1)

    for _ in range(2):
        call(driver, "add", message_id="a0", points=1)
        call(driver, "add", message_id="a19", points=1)
        driver.live = None

    *_, first, newest = driver.answers
    assert isinstance(first, Unknown)
    assert "its result is not kept" in first.where["reason"]
    assert isinstance(newest, Completed)
    assert points(driver) == 20
    kept = [record.folded.kept for record in driver.records if record.folded]
    assert all(0 < len(one) < 5 for one in kept)


def test_outcomes_and_digests_that_a_fold_keeps_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("leveret_actors.workflow.live.ENDED_KEPT", 5)
    driver = card(fold_after=4, settings={"remember": 7})

    for number in range(40):
        call(driver, "add", message_id=f"a{number}", points=1)

    (fold,) = [record.folded for record in driver.records if record.folded]
    assert len(fold.kept) <= 5
    assert len(fold.remembered) <= 7


def test_digests_are_remembered_no_longer_than_without_folds() -> None:
    driver = card(fold_after=2, settings={"remember_for": 100.0})
    for number in range(6):
        call(driver, "add", message_id=f"a{number}", points=1)
        driver.advance(60)

    (fold,) = [record.folded for record in driver.records if record.folded]

    assert len(fold.remembered) == 2


def test_a_task_of_a_folded_method_is_done_and_cannot_be_retried() -> None:
    driver = card(fold_after=3)
    call(driver, "post_or_not", points=1)
    driver.end(1, Failed(Failure("Declined", "no")))
    assert len(driver.live.instance.operations.ended) == 1

    call(driver, "add", points=1)

    assert folds(driver) == [3]
    assert not driver.live.instance.operations.ended
    driver.live = None
    call(driver, "add", points=1)
    assert not driver.live.instance.operations.ended


@workflow.define(name="Card", version=2)
class Ranked(Card):
    level: int  # type: ignore[assignment]


@workflow.define(name="Card", version=2)
class Unannotated:
    def __init__(self) -> None:
        self.points, self.level, self.share = 0, Level("new"), 0

    async def run(self, goal: int) -> None:
        await workflow.wait_for(lambda: self.points >= goal)

    async def add(self, points: int) -> None:
        self.points += points


@pytest.mark.parametrize(
    ("other", "reason"), [(Ranked, "'level' cannot be decoded as <class 'int'>"), (Unannotated, "annotate it again")]
)
def test_code_that_cannot_take_a_folded_attribute_blocks_the_instance_and_nothing_is_lost(
    other: type[Any], reason: str
) -> None:
    driver = card(fold_after=2)
    call(driver, "rise", name="gold")
    call(driver, "add", points=5)
    assert folds(driver) == [2]
    before = list(driver.store.journal)

    other_code = workflow.define(name="Card", version=1)(type("Other", (other,), dict(vars(other))))
    driver.deploy(other_code)
    call(driver, "add", points=1)

    assert driver.status == "blocked"
    assert "turns 2 to 3, which are folded" in driver.state.reason
    assert reason in driver.state.reason
    assert driver.store.journal[: len(before)] == before
    driver.deploy(Card)
    driver.turn(retry=True)
    assert driver.status == "running"
    assert points(driver) == 6


K = TypeVar("K")


class Base(ABC, Generic[K]):
    @abstractmethod
    async def add(self, points: K) -> None: ...


@workflow.define(name="Card")
class Abstract(Base[int]):
    def __init__(self) -> None:
        self.points = 0

    async def run(self, goal: int) -> None:
        await workflow.wait_for(lambda: self.points >= goal)

    async def add(self, points: int) -> None:
        self.points += points


def test_classes_with_abstract_and_generic_bases_are_folded() -> None:
    driver = card(fold_after=2, cls=Abstract)

    for _ in range(3):
        call(driver, "add", points=1)

    assert folds(driver)


def test_attributes_of_newer_code_are_there_beside_what_was_folded() -> None:
    driver = card(fold_after=2)
    for _ in range(4):
        call(driver, "add", points=5)

    @workflow.define(name="Card")
    class Newer(Card):
        def __init__(self) -> None:
            super().__init__()
            self.since = "today"

    driver.deploy(Newer)
    call(driver, "add", points=1)

    found = vars(driver.live.instance.subject)
    assert (found["since"], found["points"]) == ("today", 21)


@workflow.define(name="Card")
class Ordered(Card):
    async def run(self, goal: int = 0) -> Any:
        await workflow.wait_for(lambda: self.points < 0)
        tasks = {asyncio.create_task(asyncio.sleep(0, str(number))) for number in range(7)}
        for task in tasks:
            await task
        return [task.result() for task in tasks]


def test_sets_of_tasks_have_the_order_that_they_have_without_folds() -> None:
    orders: list[list[str]] = []
    for fold_after in (0, 3):
        driver = card(fold_after=fold_after, cls=Ordered, evict=True)
        for _ in range(5):
            call(driver, "add", points=1)
        call(driver, "add", points=-50)
        orders.append(driver.value)

    assert orders[0] == orders[1]


@workflow.define(name="Card")
class Risky(Card):
    async def run(self, goal: int = 0) -> int:
        try:
            await self.shop.post(1)
        finally:
            await workflow.wait_for(lambda: self.points > goal)
        return self.points


def rewound(*, fold_after: int, early: bool) -> Driver:
    """A card whose main method failed by its task, before or after others were called, and was retried."""
    driver = Driver(Risky, settings=card(fold_after=fold_after).settings)
    driver.start(goal=100)
    failure = Failed(Failure("Declined", "no", where={"task_id": f"{driver.run}.1"}))
    if early:
        driver.end(1, failure)
    for number in range(8):
        call(driver, "add", message_id=f"a{number}", points=1)
    if not early:
        call(driver, "post", points=1)
        driver.end(driver.state.last_command, 2)
        driver.end(1, failure)
    call(driver, "add", points=200)
    assert driver.status == "failed"
    driver.send(RetryTasks())
    assert driver.status == "running"
    for _ in range(5):
        call(driver, "add", points=1)
    driver.turn(driver.envelope(Ended(1, Completed(CODEC.dump(3)), sequence=1), run=driver.run))
    return driver


@pytest.mark.parametrize("early", [False, True], ids=["after the fold", "before the fold"])
@pytest.mark.parametrize("fold_after", [1, 3, 5])
def test_a_rewind_keeps_what_folded_methods_left(fold_after: int, *, early: bool) -> None:
    driver, plain = rewound(fold_after=fold_after, early=early), rewound(fold_after=0, early=early)

    assert folds(driver)
    assert (driver.status, driver.value) == (plain.status, plain.value)
    assert driver.value == 8 + 200 + 5 + (0 if early else 2)
    assert replay(Risky, driver.store.journal).turns <= replay(Risky, plain.store.journal).turns


def test_a_rewind_does_not_send_the_tasks_of_folded_methods_again() -> None:
    driver = Driver(Risky, settings=card(fold_after=2).settings)
    driver.start(goal=100)
    driver.end(1, Failed(Failure("Declined", "no", where={"task_id": f"{driver.run}.1"})))
    call(driver, "post", points=1)
    driver.end(2, 90)
    assert folds(driver)
    call(driver, "add", points=20)
    assert driver.status == "failed"

    driver.send(RetryTasks())
    driver.turn(driver.envelope(Ended(1, Completed(CODEC.dump(3)), sequence=1), run=driver.run))

    assert [task.task_id.rpartition(".")[2] for task in driver.tasks] == ["1", "2", "1"]
    assert driver.value == 110


@workflow.define(name="Card")
class Renewed(Card):
    async def run(self, goal: int = 0) -> int:
        await workflow.wait_for(lambda: self.points >= 5)
        workflow.continue_as_new(goal)


def test_the_next_run_drops_what_this_one_has_twice_and_folds_anew() -> None:
    driver = card(fold_after=2, cls=Renewed)
    for number in range(12):
        call(driver, "add", message_id=f"a{number}", points=1)
        assert_the_head_counts(driver)

    call(driver, "add", message_id="a1", points=1)
    call(driver, "add", message_id="a11", points=1)

    assert folds(driver)
    assert points(driver) == 2
