"""What folding leaves alone, because more than values would be lost."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest

from leveret import workflow
from leveret_actors.workflow import tail as tails
from leveret_broker.envelope import (
    Cancel,
)
from leveret_broker.outcome import Completed
from tests.workflow.card import Card, assert_the_head_counts, call, card, folds, points
from tests.workflow.harness import CODEC, Driver


@pytest.mark.parametrize(
    ("method", "arguments"),
    [
        ("draw", {}),
        ("dice", {}),
        ("change", {}),
        ("leave_behind", {"points": 1}),
        ("take_gift", {}),
        ("nap", {"seconds": 1e6}),
        ("spawn", {}),
        ("keep", {"value": [1]}),
        ("keep", {"value": ["a", {"b": 1}]}),
    ],
)
def test_what_leaves_more_than_values_is_not_folded(method: str, arguments: dict[str, Any]) -> None:
    driver = card(fold_after=1)

    call(driver, method, **arguments)

    assert not folds(driver)


def test_what_the_main_method_did_is_not_folded() -> None:
    driver = Driver(Card, settings=card(fold_after=3).settings)
    driver.start(goal=1)
    call(driver, "add", points=1)
    for _ in range(3):
        call(driver, "add", points=1)

    driver.end(1, 100)

    assert [bool(record.commands) for record in driver.records] == [False, True, False, False]
    assert folds(driver) == [3]
    assert driver.value == 104


def test_signals_end_what_can_be_folded_and_stay() -> None:
    driver = card(fold_after=2)
    call(driver, "add", points=1)
    driver.signal("gifts", 7)
    call(driver, "add", points=1)
    assert not folds(driver)

    call(driver, "add", points=1)
    driver.live = None
    call(driver, "take_gift", message_id="gift")

    assert folds(driver) == [2]
    assert CODEC.load(driver.answers[-1].value) == 7  # type: ignore[union-attr]


def test_the_end_of_a_command_that_is_not_of_the_folded_methods_stays() -> None:
    driver = card(fold_after=2)
    call(driver, "leave_behind", points=1)
    driver.signal("gifts", 1)  # from here on the command is one of others

    call(driver, "add", points=1)
    driver.end(1, 5)
    for _ in range(3):
        call(driver, "add", points=1)
    kept = set(driver.live.instance.operations.pending)
    driver.live = None
    call(driver, "add", points=1)

    assert folds(driver)
    assert kept == set(driver.live.instance.operations.pending) == set()


@workflow.define(name="Card")
class Patched(Card):
    async def add(self, points: int) -> int:
        self.points += points * (10 if workflow.patched("tenfold") else 1)
        return self.points


def test_the_turn_in_which_a_replay_tells_the_old_side_of_a_patch_stays() -> None:
    driver = card(fold_after=3)
    call(driver, "add", points=1)

    driver.deploy(Patched)
    for _ in range(6):
        call(driver, "add", points=1)
    driver.live = None
    call(driver, "add", points=1)

    assert folds(driver)
    assert driver.status == "running"
    assert points(driver) == 8


@workflow.define(name="Card", version=2)
class Elsewhere(Card):
    pass


def test_calls_that_waited_for_their_code_are_not_lost() -> None:
    driver = card(fold_after=4)
    call(driver, "add", points=1)
    call(driver, "add", points=1)
    driver.deploy(Elsewhere)
    call(driver, "add", points=1)
    assert driver.status == "blocked"

    driver.deploy(Card)
    for _ in range(9):
        call(driver, "add", points=1)
        assert_the_head_counts(driver)
    driver.live = None

    assert folds(driver)
    assert [record.number for record in driver.records][:4] == [1, 2, 3, 4]
    assert points(driver) == 12


def test_a_method_that_stays_is_looked_at_like_the_main_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tails, "PATIENCE", 3)
    driver = card(fold_after=4)
    call(driver, "stay", message_id="stay")

    for _ in range(30):
        call(driver, "add", points=1)
    assert sum(folds(driver)) > 20
    call(driver, "add", points=1_000)

    assert isinstance(driver.answers[-2], Completed) or isinstance(driver.answers[-1], Completed)
    assert points(driver) == 30


def test_cancelling_is_not_folded() -> None:
    driver = card(fold_after=1)
    call(driver, "nap", message_id="nap", seconds=50)
    identity = next(iter(driver.live.calls))

    driver.send(Cancel(method=identity))

    assert not folds(driver)
    assert driver.timers == []


@workflow.define(name="Card")
class Shelf(Card):
    def __init__(self) -> None:
        super().__init__()
        self.notes: list[int] = []
        self.unlocked = asyncio.Event()

    async def tidy(self) -> None:
        del self.notes
        del self.unlocked


def test_an_instance_with_something_that_can_be_changed_in_place_is_not_folded_until_it_is_gone() -> None:
    driver = card(fold_after=3, cls=Shelf)
    for _ in range(10):
        call(driver, "add", points=1)
    assert not folds(driver)

    call(driver, "tidy")
    for _ in range(3):
        call(driver, "add", points=1)

    assert folds(driver) == [3]
    assert points(driver) == 13


@dataclass(frozen=True)
class Stamp:
    text: str


@workflow.define(name="Card")
class Stamped(Card):
    async def stamp(self, text: str) -> None:
        self.stamped = Stamp(text)

    async def wipe(self) -> None:
        self.stamped = None  # type: ignore[assignment]


def test_a_value_that_would_not_come_back_is_not_folded_until_it_is_gone() -> None:
    driver = card(fold_after=2, cls=Stamped)
    call(driver, "stamp", text="a")
    for _ in range(5):
        call(driver, "add", points=1)
    assert not folds(driver)

    call(driver, "wipe")

    assert folds(driver) == [7]
    assert points(driver) == 5
