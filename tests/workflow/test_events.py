"""Events: what a turn tells listeners."""

from __future__ import annotations

from typing import Any

from leveret import events, workflow
from leveret_actors.workflow import EngineSettings
from leveret_broker.envelope import Cancel, Start
from tests.workflow.harness import CODEC, Driver


class Hotel:
    async def book(self, name: str) -> str:
        return name


@workflow.define(name="Stay")
class Stay:
    hotel = workflow.service(Hotel, timeout=60)
    words = workflow.Channel[str]()
    live = workflow.Channel[str](buffered=False)

    async def run(self) -> str:
        return await self.hotel.book("a")

    async def several(self) -> str:
        kept = workflow.dispatch(self.hotel.book, "a")
        workflow.dispatch(self.hotel.book, "b").cancel()
        dropped = workflow.dispatch(self.hotel.book, "c")
        await workflow.timer(5)
        dropped.cancel()
        return await kept

    async def listen(self) -> str:
        return await self.words.receive()

    async def fail(self) -> None:
        await self.hotel.book("a")

    async def child(self) -> None:
        await workflow.new("Other", id="c").call("run")

    async def other(self) -> str:
        return await self.words.receive()


@workflow.define(name="Stay")
class Broken:
    async def run(self) -> str:
        await workflow.timer(3)
        return ""


def listening(*code: type[Any], settings: EngineSettings | None = None) -> Driver:
    return Driver(*(code or (Stay,)), listens=True, settings=settings)


def told(driver: Driver, turn: int = -1) -> list[events.Event]:
    return list(driver.turns[turn].events)


def names(driver: Driver) -> list[list[str]]:
    return [[event.name for event in turn.events] for turn in driver.turns]


def test_a_turn_tells_nothing_unless_somebody_listens() -> None:
    driver = Driver(Stay)

    driver.start()

    assert driver.turns[0].events == ()


def test_an_event_has_instance_run_and_clock() -> None:
    driver = listening()

    driver.start(tags=("t",), meta={"k": "v"})

    started, tagged, dispatched = told(driver)
    assert started == events.WorkflowStarted(
        workflow="Stay", id="i", run=driver.run, at=driver.clock, method="run", tags=("t",), meta={"k": "v"}
    )
    assert tagged == events.TagsAdded(workflow="Stay", id="i", run=driver.run, at=driver.clock, tags=("t",))
    assert isinstance(dispatched, events.TaskDispatched)
    assert (dispatched.service, dispatched.task, dispatched.task_id) == ("Hotel", "book", driver.tasks[0].task_id)


def test_a_completed_instance_tells_of_task_method_run_and_tags() -> None:
    driver = listening()
    driver.start(tags=("t",))

    driver.end(1, "done")

    assert names(driver)[1] == ["taskCompleted", "methodCompleted", "workflowCompleted", "tagsRemoved"]


def test_a_task_that_never_left_is_not_told_and_one_that_is_withdrawn_is() -> None:
    driver = listening()

    driver.start(method="several")
    driver.advance(5)
    driver.end(1, "done")

    assert names(driver) == [
        ["workflowStarted", "taskDispatched", "taskDispatched", "timerSet"],
        ["taskCancelled", "timerFired"],
        ["taskCompleted", "methodCompleted", "workflowCompleted"],
    ]


def test_failures_are_told_with_what_failed() -> None:
    driver = listening()
    driver.start(method="fail")

    driver.end(1, ValueError("no room"))

    failed, method, run = told(driver)
    assert isinstance(failed, events.TaskFailed)
    assert failed.failure.message == "no room"
    assert isinstance(method, events.MethodFailed)
    assert (method.method, method.method_id) == ("fail", "main")
    assert isinstance(run, events.WorkflowFailed)
    assert run.failure.cause is not None or run.failure.message


def test_a_timeout_of_a_task_is_told() -> None:
    driver = listening()
    driver.start(method="run")

    driver.advance(61)

    assert names(driver)[1][0] == "taskTimedOut"


def test_a_cancelled_instance_tells_what_it_called_off() -> None:
    driver = listening()
    driver.start(method="run")

    driver.send(Cancel(reason="why not"))

    assert names(driver)[1] == ["taskCancelled", "methodCancelled", "workflowCancelled"]
    assert told(driver)[-1] == events.WorkflowCancelled(
        workflow="Stay", id="i", run=driver.run, at=driver.clock, reason="why not"
    )


def test_children_are_told() -> None:
    driver = listening()
    driver.start(method="child")

    driver.end(1, None)

    dispatched = told(driver, 0)[1]
    assert isinstance(dispatched, events.ChildDispatched)
    assert (dispatched.target_workflow, dispatched.target_id, dispatched.target_method) == ("Other", "c", "run")
    assert names(driver)[1][0] == "childEnded"


def test_a_signal_is_told_with_its_message_id() -> None:
    driver = listening()
    driver.start(method="listen")

    driver.signal("words", "hello", message_id="m7")

    assert told(driver)[0] == events.SignalReceived(
        workflow="Stay", id="i", run=driver.run, at=driver.clock, channel="words", message_id="m7"
    )


def test_a_signal_that_nobody_receives_on_an_unbuffered_channel_is_told_as_discarded() -> None:
    driver = listening()
    driver.start(method="listen")

    driver.signal("live", "lost", message_id="m7")

    assert names(driver)[1] == ["signalReceived", "signalDiscarded"]
    discarded = told(driver)[1]
    assert isinstance(discarded, events.SignalDiscarded)
    assert (discarded.channel, discarded.message_id) == ("live", "m7")


def test_a_signal_that_its_channel_cannot_take_is_told_as_discarded() -> None:
    driver = listening()
    driver.start(method="listen")

    driver.signal("words", {"not": "a word"})

    assert names(driver)[1] == ["signalReceived", "signalDiscarded"]


def test_a_signal_to_nobody_is_told_as_discarded_though_nothing_is_written() -> None:
    driver = listening()

    turn = driver.signal("words", "lost")

    assert turn.write is None
    assert [(event.name, event.run) for event in turn.events] == [("signalDiscarded", "")]


def test_a_patient_signal_is_discarded_when_the_start_does_not_come() -> None:
    driver = listening()
    driver.signal("words", "lost", patient=True)

    driver.advance(120)

    assert names(driver) == [[], ["signalDiscarded"]]


def test_blocked_and_unblocked_are_told() -> None:
    driver = listening()
    driver.start()
    driver.deploy(Broken)
    driver.turn(driver.ended(1, "done"))
    driver.deploy(Stay)

    driver.turn(retry=True)

    assert names(driver)[1:] == [
        ["workflowBlocked"],
        ["workflowUnblocked", "taskCompleted", "methodCompleted", "workflowCompleted"],
    ]


def test_a_journal_that_grows_long_is_told_once() -> None:
    driver = listening(settings=EngineSettings(long_entries=3))
    driver.start(method="several")

    driver.signal("words", "a")
    driver.signal("words", "b")

    assert names(driver) == [
        ["workflowStarted", "taskDispatched", "taskDispatched", "timerSet", "journalLong"],
        ["signalReceived"],
        ["signalReceived"],
    ]


def test_a_second_run_tells_its_own_start() -> None:
    driver = listening()
    driver.start(method="run")
    driver.end(1, "x")

    driver.turn(driver.envelope(Start("run", CODEC.dump({}), on_closed="new"), message_id="again"))

    assert names(driver)[2] == ["workflowStarted", "taskDispatched"]


def test_replay_tells_nothing_again() -> None:
    driver = listening()
    driver.evict = True
    driver.start(method="several")

    driver.advance(5)

    assert names(driver)[1] == ["taskCancelled", "timerFired"]
