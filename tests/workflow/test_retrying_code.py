"""Retry of failures that the code had handled, or was itself; what is blocked."""

from __future__ import annotations

from leveret import workflow
from leveret_actors.testing import replay
from leveret_actors.workflow.journal import Rewound
from leveret_broker.envelope import (
    RetryWorkflow,
)
from tests.workflow.harness import Driver
from tests.workflow.retried import DECLINED, ME, Bank, Different, Mended, begin, done, ended, replays, retry


def test_E16_D07_the_retry_of_a_handled_failure_changes_the_status_from_then_on_and_rewinds_nothing() -> None:
    driver = begin("careful")
    driver.end(1, DECLINED)

    told = retry(driver, task_ids=(f"{driver.run}.1",))
    driver.signal("go", 1)
    driver.turn(ended(driver, 1, 6, sequence=1))

    assert told.count == 1
    assert driver.value == ["failed", "ongoing", 6, "completed"]
    assert not any(isinstance(event, Rewound) for record in driver.records for event in record.events)
    assert replays(driver)


def test_a_failure_that_the_code_has_not_looked_at_is_as_if_it_had_never_been_once_retried() -> None:
    driver = begin("unseen")
    driver.end(1, DECLINED)

    retry(driver, services=("Bank",))
    driver.turn(ended(driver, 1, 6, sequence=1))
    driver.signal("go", 1)

    assert driver.value == 6
    assert replays(driver)


def test_the_late_outcome_of_an_earlier_life_is_dropped() -> None:
    driver = begin("unseen")
    driver.end(1, DECLINED)
    retry(driver)

    driver.turn(ended(driver, 1, 1, sequence=0))
    driver.turn(ended(driver, 1, 2, sequence=1))
    driver.signal("go", 1)

    assert driver.value == 2


@workflow.define(name="W")
class Buggy:
    bank = workflow.service(Bank)

    async def run(self) -> str:
        paid = await self.bank.pay(1)
        if paid:
            raise ZeroDivisionError
        return ""


def test_E07_once_the_code_is_mended_the_instance_resumes_from_its_journal() -> None:
    driver = Driver(Buggy)
    driver.start()
    driver.end(1, 1)
    assert driver.status == "failed"

    driver.deploy(Mended)
    told = done(driver, RetryWorkflow(caller=ME))
    driver.end(2, 2)

    assert (told.count, told.status) == (1, "running")
    assert driver.value == "paid 3"
    assert driver.task_names == ["pay", "pay"]
    assert replay(Mended, driver.store.journal).turns == 3


def test_a_retry_before_the_code_is_mended_fails_the_same_way_again() -> None:
    driver = Driver(Buggy)
    driver.start()
    driver.end(1, 1)

    told = done(driver, RetryWorkflow(caller=ME))

    assert (told.count, told.status) == (1, "failed")


def test_E08_what_is_blocked_resumes_when_the_code_fits_again() -> None:
    driver = Driver(Mended)
    driver.start()
    driver.deploy(Different)
    driver.end(1, 1)
    assert driver.status == "blocked"
    assert "'Bank.pay'" in driver.state.reason

    still = done(driver, RetryWorkflow(caller=ME))
    driver.deploy(Mended)
    told = done(driver, RetryWorkflow(caller=ME))

    assert still.status == "blocked"
    assert "Bank.pay" in still.text
    assert told.status == "running"
    assert driver.task_names == ["pay", "pay"]


def test_a_failed_instance_that_no_longer_replays_is_blocked_by_its_retry_and_resumes_later() -> None:
    driver = Driver(Buggy)
    driver.start()
    driver.end(1, 1)

    driver.deploy(Different)
    told = done(driver, RetryWorkflow(caller=ME))
    assert told.status == "blocked"
    driver.deploy(Mended)
    done(driver, RetryWorkflow(caller=ME))
    driver.end(2, 2)

    assert driver.value == "paid 3"


def test_E15_what_was_given_up_runs_again_only_by_the_verb() -> None:
    driver = Driver(Mended)
    driver.start()
    driver.turn(driver.ended(1, 1), give_up="it brought its node down 3 times")
    driver.turn()
    assert driver.status == "blocked"

    told = done(driver, RetryWorkflow(caller=ME))
    driver.end(2, 2)

    assert told.status == "running"
    assert driver.value == "paid 3"


def test_nothing_is_retried_of_a_running_instance() -> None:
    told = done(begin("pay"), RetryWorkflow(caller=ME))

    assert (told.count, told.status) == (0, "running")
