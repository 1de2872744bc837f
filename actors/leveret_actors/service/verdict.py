"""What follows from how an attempt ended."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeAlias

from leveret.failure import failure_of, sealed
from leveret_actors.service.attempt import Ending, Interrupted, Raised, Returned, Together, Why
from leveret_actors.service.execution import Execution
from leveret_actors.service.report import failed, whereabouts
from leveret_broker.codec import Codec
from leveret_broker.envelope import ClientCaller, Task
from leveret_broker.errors import PayloadError, PayloadLocked
from leveret_broker.outcome import Cancelled, Completed, Failed, Failure, Outcome


class AttemptTimedOut(TimeoutError):
    """What a policy is asked about when an attempt was over its timeout; its cause is what the function raised."""


class HeartbeatTimedOut(TimeoutError):
    """What a policy is asked about when an attempt was silent for too long; its cause is what the function raised."""


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
    elapsed: float = 0.0
    """Seconds since the first attempt began."""
    alone: bool = False
    """In no batch with others."""


@dataclass(frozen=True, slots=True)
class Forget:
    """Whoever wanted it stopped knows that it is over, or another worker has it."""


@dataclass(frozen=True, slots=True)
class GoesBack:
    """It was interrupted because the node stops: another worker gets it."""


@dataclass(frozen=True, slots=True)
class Waits:
    """Its payloads cannot be read or written here: the same attempt runs later, perhaps at another worker."""

    why: str


@dataclass(frozen=True, slots=True)
class StaysOpen:
    """The function returned, somebody else completes the task."""


Verdict: TypeAlias = Tell | TryAgain | Forget | GoesBack | Waits | StaysOpen


def judge(execution: Execution, task: Task, ending: Ending, codec: Codec, worker: str, elapsed: float) -> Verdict:
    """Decide what follows; `elapsed` are the seconds since the first attempt began."""
    if isinstance(ending, Together):
        return _apart(judge(execution, task, ending.ending, codec, worker, elapsed), elapsed)
    if isinstance(ending, Returned) and execution.definition.delegated is not None:
        return StaysOpen()
    if isinstance(ending, Returned):
        return _returned(task, ending.value, codec, worker)
    if isinstance(ending, Raised):
        return _failed(execution, task, ending.error, codec, worker, elapsed)
    if ending.why is Why.STOPPED:
        return GoesBack()
    if ending.why is Why.ELSEWHERE:
        return Forget()
    if ending.why is Why.CANCELLED:
        # A workflow that cancels its task knows; a client waits for an answer.
        told = isinstance(task.caller, ClientCaller)
        return Tell(Cancelled(whereabouts(task, worker, ending.reason))) if told else Forget()
    return _failed(execution, task, _timed_out(execution, ending), codec, worker, elapsed)


def misfit(task: Task, error: BaseException, codec: Codec, worker: str) -> Verdict:
    """Decide what follows from arguments that the function cannot take: no retry mends them; a key that comes does."""
    if isinstance(error, PayloadLocked):
        return Waits(str(error))
    return Tell(Failed(failure_of(error, codec, whereabouts(task, worker))))


def _returned(task: Task, value: object, codec: Codec, worker: str) -> Verdict:
    """Decide what follows from a returned value; one that has no bytes is a failure that no retry mends."""
    try:
        return Tell(Completed(codec.dump(value)))
    except PayloadLocked as locked:
        return Waits(str(locked))
    except PayloadError as error:
        text = f"the result of {task.service}.{task.name} cannot be sent: {error}"
        outcome = failed(task, type(error).__name__, text, worker, "result")
        return Tell(Failed(sealed(outcome.failure, codec)))


def _timed_out(execution: Execution, ending: Interrupted) -> TimeoutError:
    silent = ending.why is Why.SILENT
    text = f"the attempt took more than its timeout of {execution.timeout:g} s"
    if silent:
        text = f"the attempt was silent for more than {execution.heartbeat:g} s: call service.context().heartbeat()"
    if ending.given_up:
        text += ", and did not stop when it was told to"
    error = (HeartbeatTimedOut if silent else AttemptTimedOut)(text)
    error.__cause__ = ending.error
    return error


def _apart(verdict: Verdict, elapsed: float) -> Verdict:
    """Give a call of a batch that failed as a whole one more attempt, of its own, even where its policy gives up."""
    if isinstance(verdict, TryAgain):
        return replace(verdict, alone=True)
    if isinstance(verdict, Tell) and isinstance(verdict.outcome, Failed):
        return TryAgain(0.0, verdict.outcome.failure, elapsed, alone=True)
    return verdict


def _failed(
    execution: Execution, task: Task, error: BaseException, codec: Codec, worker: str, elapsed: float
) -> Verdict:
    failure = failure_of(error, codec, whereabouts(task, worker))
    delay = execution.delay(task, error, elapsed)
    return Tell(Failed(failure)) if delay is None else TryAgain(delay, failure, elapsed)
