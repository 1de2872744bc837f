"""Folding: finished methods become one record, and nobody can tell, but by the length of the journal."""

from __future__ import annotations

import json
from pathlib import Path
from typing import cast

import pytest

from leveret_actors.cli.inspection import fold_text
from leveret_actors.testing import replay
from leveret_actors.workflow.exported import of_records, write
from leveret_broker.envelope import (
    FORMAT,
    ClientCaller,
    Describe,
    Description,
)
from leveret_broker.outcome import Failed
from tests.workflow.card import Card, Level, asks, assert_the_head_counts, call, card, folds, points
from tests.workflow.harness import Driver, replies


def test_finished_methods_become_one_record_at_the_number_of_the_last_one() -> None:
    driver = card(fold_after=4)

    for number in range(4):
        call(driver, "add", points=number)

    first, fold = driver.records
    assert (first.number, fold.number) == (1, 5)
    assert fold.folded is not None
    assert (fold.folded.turns, fold.folded.calls, fold.folded.last) == (4, {"add": 4}, 0)
    assert [one.name for one in fold.folded.attributes] == ["points"]
    assert_the_head_counts(driver)
    assert points(driver) == 6


@pytest.mark.parametrize("fold_after", [1, 2, 3, 7])
def test_folds_merge_so_that_a_journal_stays_short(fold_after: int) -> None:
    driver = card(fold_after=fold_after)

    for number in range(40):
        call(driver, "add", points=number)
        assert len(driver.records) <= 1 + max(fold_after, 2)
        assert_the_head_counts(driver)

    assert len(folds(driver)) == 1
    assert points(driver) == sum(range(40))


def test_nothing_is_folded_where_folding_is_off() -> None:
    driver = card(fold_after=0)

    for _ in range(10):
        call(driver, "add", points=1)

    assert len(driver.records) == 11


def test_what_a_fold_stands_for_is_kept_from_nodes_that_do_not_know_folds() -> None:
    driver = card(fold_after=1)

    call(driver, "add", points=1)

    assert driver.records[-1].format > FORMAT


def test_only_what_changed_is_written() -> None:
    driver = card(fold_after=4)

    for name in ("silver", "gold", "silver", "new"):
        call(driver, "rise", name=name)

    (fold,) = [record.folded for record in driver.records if record.folded]
    assert fold.attributes == ()


def test_an_attribute_that_goes_and_one_that_comes() -> None:
    driver = card(fold_after=2)
    call(driver, "shift", points=3)
    call(driver, "add", points=1)
    call(driver, "unshift")
    call(driver, "keep", value="stamp")

    driver.live = None
    call(driver, "shift", points=4)

    assert folds(driver)
    assert vars(driver.live.instance.subject) == {
        "points": 1, "level": Level("new"), "share": 3.5, "old": 1, "kept": "stamp",
    }  # fmt: skip


def test_an_attribute_that_was_there_before_the_fold_and_goes_in_it_is_gone() -> None:
    driver = card(fold_after=2)
    call(driver, "shift", points=3)
    driver.signal("gifts", 1)

    call(driver, "unshift")
    call(driver, "add", points=1)
    driver.live = None
    call(driver, "add", points=1)

    assert folds(driver) == [3]
    assert "old" not in vars(driver.live.instance.subject)


def test_a_value_that_its_annotation_would_change_comes_back_by_itself() -> None:
    driver = card(fold_after=2)
    call(driver, "shift", points=6)

    call(driver, "settle")
    driver.live = None
    call(driver, "add", points=1)

    assert folds(driver)
    assert repr(driver.live.instance.subject.share) == "3"


def test_the_main_method_sees_what_was_folded() -> None:
    driver = Driver(Card, settings=card().settings, evict=True)
    driver.start(goal=20)

    for _ in range(20):
        call(driver, "add", points=1)
    driver.end(1, 5)

    assert folds(driver)
    assert driver.value == 25


def test_tasks_timers_and_inline_functions_of_finished_methods_are_folded_and_numbers_go_on() -> None:
    driver = card(fold_after=6)
    call(driver, "post", points=1)
    driver.end(1, 1)
    call(driver, "nap", seconds=10)
    driver.advance(11)
    call(driver, "hurry", points=5)
    driver.advance(6)
    call(driver, "in_line")

    call(driver, "post", points=2)
    driver.end(driver.state.last_command, 2)

    assert sum(folds(driver)) >= 6
    assert driver.tasks[-1].task_id == f"{driver.run}.6"
    assert points(driver) == 1 + 1 + 7 + 2
    assert_the_head_counts(driver)


def test_a_method_that_fails_is_folded_as_well() -> None:
    driver = card(fold_after=3)

    for number in range(3):
        call(driver, "fail", message_id=f"f{number}")
    call(driver, "fail", message_id="f1")

    assert folds(driver) == [3]
    assert len([answer for answer in driver.answers if isinstance(answer, Failed)]) == 4


def test_several_calls_in_one_turn_are_folded_together() -> None:
    driver = card(fold_after=2)

    for _ in range(3):
        driver.turn(*(asks(driver, "add", points=1) for _ in range(5)))

    (fold,) = [record.folded for record in driver.records if record.folded]
    assert fold.calls["add"] >= 10
    assert points(driver) == 15


def test_a_description_tells_the_length_of_the_journal_and_how_many_turns_it_stands_for() -> None:
    driver = card(fold_after=4)
    for _ in range(9):
        call(driver, "add", points=1)

    turn = driver.send(Describe(ClientCaller("client", "describe")))

    (told,) = replies(turn.posts)
    assert isinstance(told, Description)
    journal = cast("dict[str, int]", told.data["journal"])
    records = driver.records
    assert (journal["records"], journal["turns"]) == (len(records), 10)
    assert journal["entries"] == sum(record.entries for record in records)


def test_an_exported_journal_shows_a_fold_and_is_repeated(tmp_path: Path) -> None:
    driver = card(fold_after=4)
    for _ in range(4):
        call(driver, "add", points=2)

    file = tmp_path / "card.jsonl"
    file.write_text(write(of_records("Card", "i", driver.store.journal)))
    _, _, line = (json.loads(line) for line in file.read_text().splitlines())

    (shown,) = line["events"]
    assert (shown["is"], shown["turns"], shown["calls"]) == ("Folded", 4, {"add": 4})
    assert shown["attributes"] == [{"is": "Attribute", "name": "points", "value": 8, "annotated": True}]
    assert replay(Card, file).turns == 2
    assert fold_text(driver.records[-1])[0].startswith("4 calls of add folded (4 turns since 2023-11-14")


def test_a_closed_instance_that_was_folded_still_answers_queries() -> None:
    driver = Driver(Card, settings=card(fold_after=2).settings)
    driver.start(goal=6)
    for _ in range(6):
        call(driver, "add", points=1)
    driver.end(1, 4)
    assert (driver.status, driver.value) == ("completed", 10)

    assert points(driver) == 10
