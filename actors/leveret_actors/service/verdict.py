"""What follows from how an attempt ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from leveret.failure import failure_of
from leveret_actors.service.attempt import Ending, Interrupted, Raised, Returned, Why
from leveret_actors.service.execution import Execution
from leveret_actors.service.report import failed, whereabouts
from leveret_broker.codec import Codec
from leveret_broker.envelope import ClientCaller, Task
from leveret_broker.errors import PayloadError
from leveret_broker.outcome import Cancelled, Completed, Failed, Failure, Outcome


class AttemptTimedOut(TimeoutError):
    """What a policy is asked about when an attempt was over its timeout; its cause is what the function raised."""


@dataclass(frozen=True, slots=True)
class Tell:
    """The task is over."""

    outcome: Outcome


@dataclass(frozen=True, slots=True)
class TryAgain:
    """Another attempt follows."""

    delay: float
    """Seconds until then."""
    failure: Failure


@dataclass(frozen=True, slots=True)
class Forget:
    """Whoever wanted it stopped knows that it is over."""


@dataclass(frozen=True, slots=True)
class GoesBack:
    """It was interrupted because the node stops: another worker gets it."""


Verdict: TypeAlias = Tell | TryAgain | Forget | GoesBack


def judge(execution: Execution, task: Task, ending: Ending, codec: Codec, worker: str) -> Verdict:
    """Decide what follows."""
    if isinstance(ending, Returned):
        return Tell(_completed(task, ending.value, codec, worker))
    if isinstance(ending, Raised):
        return _failed(execution, task, ending.error, codec, worker)
    if ending.why is Why.STOPPED:
        return GoesBack()
    if ending.why is Why.CANCELLED:
        # A workflow that cancels its task knows; a client waits for an answer.
        return Tell(Cancelled(whereabouts(task, worker))) if isinstance(task.caller, ClientCaller) else Forget()
    return _failed(execution, task, _timed_out(execution, ending), codec, worker)


def misfit(task: Task, error: Exception, codec: Codec, worker: str) -> Verdict:
    """Decide what follows from arguments that the function cannot take: no retry mends them."""
    return Tell(Failed(failure_of(error, codec, whereabouts(task, worker))))


def _completed(task: Task, value: object, codec: Codec, worker: str) -> Outcome:
    """Return the outcome of a returned value; one that has no bytes is a failure that no retry mends."""
    try:
        return Completed(codec.dump(value))
    except PayloadError as error:
        text = f"the result of {task.service}.{task.name} cannot be sent: {error}"
        return failed(task, type(error).__name__, text, worker, "result")


def _timed_out(execution: Execution, ending: Interrupted) -> AttemptTimedOut:
    text = f"the attempt took more than its timeout of {execution.timeout:g} s"
    if ending.given_up:
        text += ", and did not stop when it was told to"
    error = AttemptTimedOut(text)
    error.__cause__ = ending.error
    return error


def _failed(execution: Execution, task: Task, error: BaseException, codec: Codec, worker: str) -> Verdict:
    failure = failure_of(error, codec, whereabouts(task, worker))
    delay = execution.delay(task, error)
    return Tell(Failed(failure)) if delay is None else TryAgain(delay, failure)
