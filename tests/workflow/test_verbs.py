"""Operators complete timers and cancel."""

from __future__ import annotations

from leveret_broker.envelope import (
    Cancel,
    CompleteTimers,
)
from leveret_broker.outcome import Cancelled
from tests.workflow.harness import Driver
from tests.workflow.retried import ME, Different, Mended, begin, done, replays, retry


def test_M04_pending_timers_fire_now_and_leave_the_store() -> None:
    driver = begin("timers")

    first = done(driver, CompleteTimers(caller=ME))
    second = done(driver, CompleteTimers(caller=ME))

    assert (first.count, second.count) == (2, 1)
    assert driver.value == 1
    assert driver.timers == []
    assert replays(driver)


def test_M04_the_timeout_of_a_task_is_no_timer() -> None:
    driver = begin("limited")

    told = done(driver, CompleteTimers(caller=ME))

    assert told.count == 0
    assert driver.timers == [10]


def test_cancel_by_force_ends_the_instance_without_its_code() -> None:
    driver = begin("stubborn")
    driver.cancel()
    assert driver.status == "running"

    driver.cancel(force=True, reason="enough")

    assert driver.status == "cancelled"
    assert driver.revoked == [f"{driver.run}.2"]
    assert driver.task_names == ["pay"]
    (answer,) = driver.answers
    assert isinstance(answer, Cancelled)
    assert answer.where["reason"] == "enough"


def test_cancel_by_force_ends_what_is_blocked() -> None:
    driver = Driver(Mended)
    driver.start()
    driver.deploy(Different)
    driver.end(7, 1)
    assert driver.status == "blocked"

    driver.cancel(force=True)

    assert driver.status == "cancelled"
    assert driver.revoked == [f"{driver.run}.1"]


def test_E14_one_task_is_cancelled_by_its_number_and_the_answer_says_so() -> None:
    driver = begin("unseen")
    first = done(driver, Cancel(number=1, caller=ME))
    second = done(driver, Cancel(number=1, caller=ME))

    assert (first.count, first.text) == (1, "cancelled task Bank.pay")
    assert second.count == 0
    assert retry(driver, statuses=("cancelled",)).count == 1
