"""Events: what is told of rewinds, and of instances that had failed."""

from __future__ import annotations

import pytest

from leveret import events, workflow
from leveret.errors import TaskFailed
from leveret_broker.envelope import Ended, RetryTasks
from leveret_broker.outcome import Completed, Failed, Failure
from tests.workflow.harness import CODEC
from tests.workflow.telling import Hotel, listening, names, told


@workflow.define(name="Stay")
class Collecting:
    hotel = workflow.service(Hotel)
    live = workflow.Channel[str](buffered=False)

    async def run(self) -> None:
        kept = workflow.dispatch(self.hotel.book, "kept")
        workflow.timer(3600)
        await self.hotel.book("fails")
        await kept

    async def collect(self) -> list[str]:
        pair = self.live.receive(2)
        won = await workflow.first(pair=pair, late=workflow.timer(5))
        return [won.name]


def test_a_signal_that_a_cancelled_receiver_of_an_unbuffered_channel_had_got_is_told_as_discarded() -> None:
    driver = listening(Collecting)
    driver.start(method="collect")
    driver.signal("live", "the first of two")

    driver.advance(5)

    assert names(driver)[1] == ["signalReceived"]
    discarded = told(driver)[1]
    assert isinstance(discarded, events.SignalDiscarded)
    assert (discarded.channel, discarded.reason) == (
        "live",
        "its receiver was cancelled, and the channel is not buffered",
    )
    assert driver.value == ["late"]


def test_a_rewind_tells_no_end_again_that_the_code_had_seen() -> None:
    driver = listening(Collecting)
    driver.start()
    driver.turn(driver.ended(1, "kept"), driver.ended(3, ValueError("no room")))

    driver.send(RetryTasks())
    driver.send(Ended(3, Completed(CODEC.dump("x")), sequence=1), run=driver.run)

    assert names(driver)[1:] == [
        ["taskCompleted", "taskFailed", "methodFailed", "failed"],
        ["retryRequested"],
        ["taskCompleted", "methodCompleted", "timerCancelled", "completed"],
    ]


@workflow.define(name="Stay")
class Compensating:
    hotel = workflow.service(Hotel)

    async def run(self) -> None:
        try:
            await self.hotel.book("a")
        except TaskFailed:
            workflow.dispatch(self.hotel.book, "undo")
            raise


def test_a_rewind_tells_what_it_takes_back_and_another_failure_is_told_as_the_first() -> None:
    driver = listening(Compensating)
    driver.start()
    driver.end(1, ValueError("no room"))

    driver.send(RetryTasks())
    driver.send(Ended(1, Failed(Failure("ValueError", "no room")), sequence=1), run=driver.run)

    failed = ["taskFailed", "taskDispatched", "methodFailed", "failed"]
    assert names(driver)[1:] == [failed, ["retryRequested", "taskCancelled"], failed]
    assert driver.revoked == [driver.tasks[1].task_id]


@pytest.mark.parametrize("force", [False, True])
def test_the_end_of_a_failed_instance_tells_what_it_calls_off(force: bool) -> None:
    driver = listening(Collecting)
    driver.start()
    driver.end(3, ValueError("no room"))
    assert driver.status == "failed"

    driver.cancel(force=force)

    assert names(driver)[2] == ["methodCancelled", "taskCancelled", "timerCancelled", "cancelled"]
    cancelled = told(driver)[1]
    assert isinstance(cancelled, events.TaskCancelled)
    assert cancelled.task_id == driver.tasks[0].task_id
    assert driver.revoked == [driver.tasks[0].task_id]


def test_what_ended_while_a_failed_instance_stood_still_is_not_told_as_called_off() -> None:
    driver = listening(Collecting)
    driver.start()
    driver.end(3, ValueError("no room"))
    driver.end(1, "kept")

    driver.cancel(force=True)

    assert names(driver)[3] == ["methodCancelled", "timerCancelled", "cancelled"]


def test_the_forced_end_of_an_instance_that_brought_its_node_down_tells_which_tasks_it_calls_off() -> None:
    driver = listening(Collecting)
    driver.start()
    driver.turn(give_up="it brought three nodes down")

    driver.cancel(force=True)

    assert names(driver)[2] == ["methodCancelled", "taskCancelled", "taskCancelled", "cancelled"]
