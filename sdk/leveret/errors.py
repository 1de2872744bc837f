"""What users catch: one tree under `LeveretError`."""

from __future__ import annotations

from leveret_broker.errors import LeveretError
from leveret_broker.outcome import Failure

_NOTHING = Failure("", "")


class NotInWorkflow(LeveretError):
    """Raised when something that only workflow code can do is called elsewhere."""

    def __init__(self) -> None:
        """Build the fixed text."""
        super().__init__("this can only be called from inside a running workflow; outside, use a Client")


class NotReplayable(LeveretError, RuntimeError):
    """Raised in workflow code at a line that would not do the same on a replay; says what to use instead."""

    def __init__(self, what: str, advice: str, line: str = "") -> None:
        """Name what was refused, what to use instead, and the line of workflow code."""
        super().__init__(what, advice, line)
        self.what = what
        self.advice = advice
        self.line = line

    def __str__(self) -> str:
        """Say all of it."""
        where = f" at {self.line}" if self.line else ""
        return f"{self.what} in workflow code{where}: a replay could not repeat it; {self.advice}"


class MustOnlyRead(LeveretError, RuntimeError):
    """Raised inside a query, and inside what `workflow.wait_for` waits for, by what would change or await something."""


class NotInTask(LeveretError):
    """Raised when something that only a running task can ask is asked elsewhere."""

    def __init__(self) -> None:
        """Build the fixed text."""
        text = "this can only be called from inside a running task of a service; in a batch, each call is its context"
        super().__init__(text)


class ArgumentMismatch(LeveretError, TypeError):
    """Raised at the caller when arguments do not fit the contract; names method and argument."""


class WorkflowAlreadyStarted(LeveretError):
    """Raised by a start with `on_conflict="fail"` (or `on_closed="fail"`) that found an instance."""

    def __init__(self, workflow: str, instance: str, run: str) -> None:
        """Name what was found."""
        super().__init__(workflow, instance, run)
        self.workflow = workflow
        self.instance = instance
        self.run = run

    def __str__(self) -> str:
        """Say what was found."""
        return f"{self.workflow} {self.instance!r} has already been started (run {self.run})"


class RequestTimedOut(LeveretError, TimeoutError):
    """Raised when nobody answered a request before its deadline; the instance goes on, and asking again is safe."""

    def __init__(self, what: str, seconds: float) -> None:
        """Name the request and the deadline in seconds."""
        super().__init__(what, seconds)
        self.what = what
        self.seconds = seconds

    def __str__(self) -> str:
        """Say what was asked."""
        return f"{self.what}: no answer within {self.seconds:g} s"


class RequestRefused(LeveretError):
    """Raised when a node says that it cannot serve a request, and why."""

    def __init__(self, kind: str, text: str) -> None:
        """Keep the kind of refusal, and the text that says what to do."""
        super().__init__(kind, text)
        self.kind = kind
        self.text = text

    def __str__(self) -> str:
        """Return the text."""
        return self.text or self.kind


class DeferredError(LeveretError):
    """Root of how a deferred can end without a value."""

    def __init__(self, text: str, failure: Failure = _NOTHING, where: dict[str, str] | None = None) -> None:
        """Keep the failure as data; `where` names what failed (default: the failure's own)."""
        super().__init__(text, failure, where)
        self.text = text
        self.failure = failure
        self.where = failure.where if where is None else where

    def __str__(self) -> str:
        """Return the text."""
        return self.text


class TaskFailed(DeferredError):
    """Raised in the awaiting workflow when a task is out of retries, or its message became a dead letter."""


class TaskTimedOut(DeferredError):
    """Raised in the awaiting workflow when a task's contract timeout passed."""


class TaskCancelled(DeferredError):
    """Raised in the awaiting workflow when somebody else cancelled the task."""


class WorkflowFailed(DeferredError):
    """Raised in whoever awaits an instance when a failure escaped its method."""


class WorkflowTimedOut(DeferredError):
    """Raised in whoever awaits an instance when its workflow timeout passed."""


class WorkflowCancelled(DeferredError):
    """Raised in whoever awaits an instance that was cancelled."""


class WorkflowUnknown(DeferredError):
    """Raised when there is no instance (any more) with that id."""
