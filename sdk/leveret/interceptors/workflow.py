"""With the code of workflows: around its methods and queries, and before what it asks for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from leveret.calls import CancelCall, ChildCall, MethodCall, SignalCall, TagCall, TaskCall, VerbCall
from leveret.runtime import Info


@dataclass(frozen=True, slots=True)
class MethodRun:
    """A method of an instance that is about to run: the main one, or one that was called beside it."""

    info: Info
    """`method` and `method_id` are those of this method."""
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    proceed: Callable[[], Awaitable[Any]]
    """Runs the next interceptor, and at last the method."""


@dataclass(frozen=True, slots=True)
class TaskIssue:
    """A task that workflow code asks for."""

    info: Info
    call: TaskCall


@dataclass(frozen=True, slots=True)
class ChildIssue:
    """A child that workflow code starts."""

    info: Info
    call: ChildCall


@dataclass(frozen=True, slots=True)
class TimerIssue:
    """A durable timer that workflow code sets."""

    info: Info
    at: float
    """Unix time."""


@dataclass(frozen=True, slots=True)
class CallIssue:
    """A method of another instance, or of all with a tag, that workflow code calls; a query where `call.query`."""

    info: Info
    call: MethodCall


@dataclass(frozen=True, slots=True)
class SignalIssue:
    """A signal that workflow code sends."""

    info: Info
    call: SignalCall


@dataclass(frozen=True, slots=True)
class CancelIssue:
    """Another instance, or all with a tag, that workflow code cancels."""

    info: Info
    call: CancelCall


@dataclass(frozen=True, slots=True)
class VerbIssue:
    """An operator's verb that workflow code uses on others: `retry_tasks`, `describe`, …."""

    info: Info
    call: VerbCall


@dataclass(frozen=True, slots=True)
class TagIssue:
    """A tag that workflow code adds to its instance, or removes where `call.remove`; one each for several at once."""

    info: Info
    """`tags` are those before the change."""
    call: TagCall


@dataclass(frozen=True, slots=True)
class QueryRun:
    """A query of this instance that is about to be answered."""

    info: Info
    """`method` is the query; there is no method id."""
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    proceed: Callable[[], Any]
    """Runs the next interceptor, and at last the query."""


@dataclass(frozen=True, slots=True)
class SignalArrival:
    """A signal, before a receiver gets it."""

    info: Info
    channel: str
    value: Any
    """Of the channel's type."""


class WorkflowInterceptor:
    """Runs with the workflow's code, and as that does: on a replay again, under the same rules.

    What it does outside goes through `workflow.inline`; log through `workflow.log`. Adding one that issues commands of
    its own, or changes which are issued, is a change of the code of all running instances.
    """

    async def run_method(self, details: MethodRun, /) -> Any:
        """Run a method, the main one or one that was called; returns its result."""
        return await details.proceed()

    def task(self, details: TaskIssue, /) -> TaskCall:
        """Return the task to issue: the one asked for, or one with other tags, meta, timeout."""
        return details.call

    def child(self, details: ChildIssue, /) -> ChildCall:
        """Return the child to start."""
        return details.call

    def timer(self, details: TimerIssue, /) -> float:
        """Return when the timer is due, as Unix time."""
        return details.at

    def call(self, details: CallIssue, /) -> MethodCall:
        """Return the call to make."""
        return details.call

    def send(self, details: SignalIssue, /) -> SignalCall:
        """Return the signal to send."""
        return details.call

    def cancel(self, details: CancelIssue, /) -> CancelCall:
        """Return the cancellation to ask for."""
        return details.call

    def verb(self, details: VerbIssue, /) -> VerbCall:
        """Return the verb to use."""
        return details.call

    def tag(self, details: TagIssue, /) -> TagCall:
        """Return the tag to add or to remove; what raises refuses the change, the code gets the exception."""
        return details.call

    def run_query(self, details: QueryRun, /) -> Any:
        """Answer a query; what raises refuses it. It is not journalled, so it may only read, as the query itself."""
        return details.proceed()

    def signal(self, details: SignalArrival, /) -> None:
        """See a signal; what raises refuses it: it becomes a dead letter with the reason, the instance goes on."""
