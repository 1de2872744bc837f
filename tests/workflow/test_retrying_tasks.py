"""Retry of tasks by whose failure an instance failed."""

from __future__ import annotations

from typing import Any

import pytest

from leveret_actors.workflow.journal import Rewound
from leveret_broker.envelope import (
    AwaitResult,
    CancelTask,
    ClientCaller,
    CompleteTimers,
    RetryTasks,
    RetryWorkflow,
)
from leveret_broker.ids import letter_id
from leveret_broker.outcome import Completed, Failed, Failure
from tests.workflow.harness import Driver
from tests.workflow.retried import DECLINED, ME, Order, begin, declined, done, ended, replays, retry


def test_E06_a_retried_task_resumes_the_failed_instance_which_completes() -> None:
    driver = begin("pay")
    driver.end(1, 1)
    driver.end(2, declined(driver, 2))
    assert driver.status == "failed"

    told = retry(driver)
    driver.turn(ended(driver, 2, 5, sequence=1))

    assert (told.count, told.status) == (1, "running")
    assert driver.value == 6
    assert [(task.task_id[-2:], task.sequence) for task in driver.tasks] == [(".1", 0), (".2", 0), (".2", 1)]
    assert replays(driver)


def test_who_was_told_of_the_failure_is_not_told_again_and_who_asks_after_the_retry_is() -> None:
    driver = begin("compensate")
    driver.end(1, declined(driver, 1))
    assert [type(answer) for answer in driver.answers] == [Failed]

    driver.turn(
        driver.envelope(RetryTasks()), driver.envelope(AwaitResult(ClientCaller("client", "later")), message_id="later")
    )
    driver.turn(ended(driver, 1, 7, sequence=1))

    assert [type(answer) for answer in driver.answers] == [Failed, Completed]


def test_E16_commands_issued_after_an_escaped_failure_are_void_and_numbers_are_never_used_twice() -> None:
    driver = begin("compensate")
    driver.end(1, declined(driver, 1))
    assert driver.task_names == ["pay", "refund"]
    assert driver.timers == [3600]

    told = retry(driver)
    revoked = list(driver.revoked)
    driver.turn(ended(driver, 1, DECLINED, sequence=1))

    assert told.count == 1
    assert revoked == [f"{driver.run}.2"]
    assert [task.task_id.rpartition(".")[2] for task in driver.tasks] == ["1", "2", "1", "4"]
    assert driver.timers == [3600]
    assert driver.status == "failed"
    assert replays(driver)


def test_a_failed_instance_is_rewound_again_and_again() -> None:
    driver = begin("compensate")
    driver.end(1, declined(driver, 1))
    for sequence in (1, 2, 3):
        assert retry(driver).count == 1
        driver.turn(ended(driver, 1, declined(driver, 1), sequence=sequence))
        assert driver.status == "failed"

    retry(driver)
    driver.turn(ended(driver, 1, 3, sequence=4))

    assert driver.value == 3
    assert [e.last for record in driver.records for e in record.events if isinstance(e, Rewound)] == [3, 5, 7, 9]
    assert driver.timers == []
    assert replays(driver)


def test_a_failure_that_escaped_wrapped_in_another_is_rewound_to_where_it_came() -> None:
    driver = begin("wrapped")
    driver.end(1, declined(driver, 1))
    driver.end(2, 1)
    assert driver.status == "failed"

    told = retry(driver)
    driver.turn(ended(driver, 1, 4, sequence=1))

    assert told.count == 1
    assert driver.value == 4
    assert replays(driver)


def test_what_came_while_the_instance_had_failed_counts_after_the_retry() -> None:
    driver = begin("unseen")
    driver.turn(driver.ended(1, declined(driver, 1)), driver.signal_envelope("go", 1))
    assert driver.status == "failed"
    driver.signal("go", 2)

    retry(driver)
    driver.turn(ended(driver, 1, 8, sequence=1))

    assert driver.value == 8
    assert replays(driver)


def test_timers_that_the_failing_turn_had_removed_are_set_again() -> None:
    driver = begin("group")
    assert driver.timers == [100]
    driver.end(1, declined(driver, 1))
    assert driver.timers == []

    retry(driver)

    assert driver.timers == [100]
    driver.turn(ended(driver, 1, 1, sequence=1))
    driver.advance(100)
    driver.end(int(driver.tasks[-1].task_id.rpartition(".")[2]), 2)
    assert driver.value == [1, 2]
    assert replays(driver)


def test_tasks_that_the_failing_turn_had_cancelled_are_sent_again() -> None:
    driver = begin("siblings")
    driver.end(1, declined(driver, 1))
    assert driver.revoked == [f"{driver.run}.2"]

    told = retry(driver)

    assert told.count == 2
    assert [(task.task_id[-1], task.sequence) for task in driver.tasks[2:]] == [("1", 1), ("2", 1)]
    driver.turn(ended(driver, 2, 20, sequence=1))
    driver.turn(ended(driver, 1, 10, sequence=1))
    assert driver.value == [10, 20]


def test_a_task_that_timed_out_is_retried_with_its_whole_time() -> None:
    driver = begin("limited")
    driver.advance(10)
    assert driver.status == "failed"
    assert driver.revoked == [f"{driver.run}.1"]

    retry(driver, statuses=("timed_out",))
    driver.turn(ended(driver, 1, 1, sequence=0))

    assert driver.status == "running"
    assert driver.timers == [10]
    assert driver.tasks[-1].deadline == driver.clock + 10
    driver.turn(ended(driver, 1, 2, sequence=1))
    assert driver.value == 2
    assert driver.timers == []


def test_a_revocation_names_the_life_of_the_task_that_it_stops() -> None:
    driver = begin("limited")
    driver.advance(10)

    retry(driver)
    driver.advance(10)

    stops = [post.envelope.message for post in driver.posts if isinstance(post.envelope.message, CancelTask)]  # type: ignore[union-attr]
    assert [stop.task_id for stop in stops] == [f"{driver.run}.1", f"{driver.run}.1+1"]


def test_the_letter_of_a_dead_task_is_removed_with_its_retry() -> None:
    driver = begin("pay")
    where = {"task_id": f"{driver.run}.1", "reason": "delivery limit"}
    driver.end(1, Failed(Failure("DeadLettered", "dead", where=where)))

    turn = driver.send(RetryTasks())

    assert turn.exhumed == (letter_id(f"{driver.run}.1".encode(), "delivery limit"),)


@pytest.mark.parametrize(
    "filters",
    [{"statuses": ("cancelled",)}, {"services": ("Hotel",)}, {"task_ids": ("another.1",)}],
)
def test_a_retry_that_matches_nothing_says_so_and_changes_nothing(filters: dict[str, Any]) -> None:
    driver = begin("pay")
    driver.end(1, declined(driver, 1))
    before = list(driver.store.journal)

    told = retry(driver, **filters)

    assert told.count == 0
    assert "no task matches" in told.text
    assert driver.store.journal == before


def test_a_retry_that_comes_twice_counts_once() -> None:
    driver = begin("pay")
    driver.end(1, declined(driver, 1))
    told = [done(driver, RetryTasks(caller=ME), message_id="same") for _ in range(2)]

    assert [one.count for one in told] == [1, 0]
    assert len(driver.tasks) == 2


def test_a_verb_for_nobody_says_so() -> None:
    for message in (RetryTasks(caller=ME), RetryWorkflow(caller=ME), CompleteTimers(caller=ME)):
        told = done(Driver(Order), message)
        assert (told.found, told.count) == (False, 0)
