"""Interceptors: code of yours around what workflows and tasks do, one class a feature, given to `Node`.

`Node(..., interceptors=[Audit()])` calls them in the order of the list, the first one outermost. A class derives from
`WorkflowInterceptor`, from `TaskInterceptor`, or from both, and overrides what it needs. Each hook gets one details
object.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

from leveret.runtime import ChildCall, Info, TaskCall
from leveret.service.task_context import TaskContext


@dataclass(frozen=True, slots=True)
class MethodRun:
    """A method of an instance that is about to run."""

    info: Info
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
        """Run a method; returns its result."""
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

    def signal(self, details: SignalArrival, /) -> None:
        """See a signal; what raises refuses it: it becomes a dead letter with the reason, the instance goes on."""


class TaskInterceptor:
    """Runs where tasks run, around each attempt."""

    def attempt(self, context: TaskContext, /) -> AbstractContextManager[Any]:  # noqa: ARG002 - for those who override
        """Return what is entered around one attempt; it sees what the function raises, and may raise itself.

        For a sync function it is entered in the function's thread.
        """
        return nullcontext()
