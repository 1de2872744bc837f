"""Events: what a turn tells listeners."""

from __future__ import annotations

from leveret import events
from leveret_actors.workflow import EngineSettings
from leveret_broker.envelope import Cancel, Ended, RetryTasks, Start
from leveret_broker.outcome import Unknown
from tests.workflow.harness import CODEC, Driver, events_of
from tests.workflow.telling import Broken, Stay, listening, names, told


def test_a_turn_tells_nothing_unless_somebody_listens() -> None:
    driver = Driver(Stay)

    driver.start()

    assert driver.events == []


def test_an_event_has_instance_run_and_clock() -> None:
    driver = listening()

    driver.start(tags=("t",), meta={"k": "v"})

    started, tagged, dispatched = told(driver)
    assert started == events.WorkflowDispatched(
        workflow="Stay", instance="i", run=driver.run, at=driver.clock, method="run", tags=("t",), meta={"k": "v"}
    )
    assert tagged == events.TagsAdded(workflow="Stay", instance="i", run=driver.run, at=driver.clock, tags=("t",))
    assert isinstance(dispatched, events.TaskDispatched)
    assert (dispatched.service, dispatched.task, dispatched.task_id) == ("Hotel", "book", driver.tasks[0].task_id)


def test_ids_come_from_run_and_record_and_are_never_given_twice() -> None:
    driver = listening()
    driver.start(method="several", tags=("t",))
    driver.advance(5)
    driver.end(1, "done")

    ids = [event.id for event in driver.events]

    assert ids[:2] == [f"{driver.run}.1.0", f"{driver.run}.1.1"]
    assert len(set(ids)) == len(ids)


def test_a_signal_to_nobody_that_comes_again_is_the_same_event() -> None:
    driver = listening()

    first, again = (events_of(driver.signal("words", "lost", message_id="m1")) for _ in range(2))
    other = events_of(driver.signal("words", "lost", message_id="m2"))

    assert first == again
    assert first[0].id != other[0].id


def test_a_retry_is_told_with_the_tasks_that_are_sent_again() -> None:
    driver = listening()
    driver.start(method="fail")
    driver.end(1, ValueError("no room"))

    driver.send(RetryTasks())

    assert names(driver)[2][0] == "retryRequested"
    assert told(driver)[0] == events.RetryRequested(
        workflow="Stay", instance="i", run=driver.run, at=driver.clock, tasks=(driver.tasks[0].task_id,)
    )


def test_a_sent_signal_is_told_with_its_target() -> None:
    driver = listening()

    driver.start(method="speak")

    by_id, by_tag = told(driver)[1:3]
    assert isinstance(by_id, events.SignalDispatched)
    assert (by_id.target_workflow, by_id.target_instance, by_id.channel) == ("Other", "o", "words")
    assert isinstance(by_tag, events.SignalDispatched)
    assert by_tag.target_instance == ""


def test_a_child_that_fails_or_is_not_known_is_told_as_a_failed_remote_method() -> None:
    driver, other = listening(), listening()
    driver.start(method="child")
    other.start(method="child")

    driver.end(1, ValueError("no room"))
    other.send(Ended(1, Unknown()))

    for one, text in ((driver, "no room"), (other, "there is no such instance or run")):
        failed = told(one)[0]
        assert isinstance(failed, events.RemoteMethodFailed)
        assert (failed.child, failed.failure.message, failed.failure.traceback) == (True, text, "")


def test_a_completed_instance_tells_of_task_method_run_and_tags() -> None:
    driver = listening()
    driver.start(tags=("t",))

    driver.end(1, "done")

    assert names(driver)[1] == ["taskCompleted", "methodCompleted", "completed", "tagsRemoved"]


def test_a_task_that_never_left_is_not_told_and_one_that_is_withdrawn_is() -> None:
    driver = listening()

    driver.start(method="several")
    driver.advance(5)
    driver.end(1, "done")

    assert names(driver) == [
        ["dispatched", "taskDispatched", "taskDispatched", "timerDispatched"],
        ["taskCancelled", "timerCompleted"],
        ["taskCompleted", "methodCompleted", "completed"],
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

    assert names(driver)[1] == ["taskCancelled", "methodCancelled", "cancelled"]
    assert told(driver)[-1] == events.WorkflowCancelled(
        workflow="Stay", instance="i", run=driver.run, at=driver.clock, reason="why not"
    )


def test_children_are_told() -> None:
    driver = listening()
    driver.start(method="child")

    driver.end(1, None)

    dispatched = told(driver, 0)[1]
    assert isinstance(dispatched, events.RemoteMethodDispatched)
    assert (dispatched.target_workflow, dispatched.target_instance, dispatched.target_method) == ("Other", "c", "run")
    assert names(driver)[1][0] == "remoteMethodCompleted"


def test_a_signal_is_told_with_its_message_id() -> None:
    driver = listening()
    driver.start(method="listen")

    driver.signal("words", "hello", message_id="m7")

    assert told(driver)[0] == events.SignalReceived(
        workflow="Stay", instance="i", run=driver.run, at=driver.clock, channel="words", message_id="m7"
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
    assert [(event.type, event.run) for event in events_of(turn)] == [("signalDiscarded", "")]


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
        ["blocked"],
        ["unblocked", "taskCompleted", "methodCompleted", "completed"],
    ]


def test_a_journal_that_grows_long_is_told_once() -> None:
    driver = listening(settings=EngineSettings(long_entries=3))
    driver.start(method="several")

    driver.signal("words", "a")
    driver.signal("words", "b")

    assert names(driver) == [
        ["dispatched", "taskDispatched", "taskDispatched", "timerDispatched", "journalLong"],
        ["signalReceived"],
        ["signalReceived"],
    ]


def test_a_second_run_tells_its_own_start() -> None:
    driver = listening()
    driver.start(method="run")
    driver.end(1, "x")

    driver.turn(driver.envelope(Start("run", CODEC.dump({}), on_closed="new"), message_id="again"))

    assert names(driver)[2] == ["dispatched", "taskDispatched"]


def test_replay_tells_nothing_again() -> None:
    driver = listening()
    driver.evict = True
    driver.start(method="several")

    driver.advance(5)

    assert names(driver)[1] == ["taskCancelled", "timerCompleted"]
