"""The calls of a node's workflow interceptors, the first one outermost; reached only where there are some."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, Protocol

from leveret.calls import CancelCall, ChildCall, MethodCall, SignalCall, TagCall, TaskCall, VerbCall
from leveret.interceptors import (
    CallIssue,
    CancelIssue,
    ChildIssue,
    MethodRun,
    QueryRun,
    SignalArrival,
    SignalIssue,
    TagIssue,
    TaskIssue,
    TimerIssue,
    VerbIssue,
    WorkflowInterceptor,
)
from leveret.runtime import Info


class Intercepted(Protocol):
    """An instance, seen from here."""

    interceptors: tuple[WorkflowInterceptor, ...]

    def info(self) -> Info:
        """Tell who runs."""
        ...


def method_run(
    host: Intercepted, function: Callable[..., Awaitable[Any]], args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> Awaitable[Any]:
    """Return the run of a method."""
    info = host.info()
    proceed: Callable[[], Awaitable[Any]] = partial(function, *args, **kwargs)
    for interceptor in reversed(host.interceptors):
        proceed = partial(interceptor.run_method, MethodRun(info, args, kwargs, proceed))
    return proceed()


def task_issued(host: Intercepted, call: TaskCall) -> TaskCall:
    """Return the task to issue."""
    for interceptor in host.interceptors:
        call = interceptor.task(TaskIssue(host.info(), call))
    return call


def child_issued(host: Intercepted, call: ChildCall) -> ChildCall:
    """Return the child to start."""
    for interceptor in host.interceptors:
        call = interceptor.child(ChildIssue(host.info(), call))
    return call


def timer_issued(host: Intercepted, at: float) -> float:
    """Return when the timer is due."""
    for interceptor in host.interceptors:
        at = interceptor.timer(TimerIssue(host.info(), at))
    return at


def signal_arrives(host: Intercepted, channel: str, value: Any) -> None:
    """Show a signal; what raises refuses it."""
    for interceptor in host.interceptors:
        interceptor.signal(SignalArrival(host.info(), channel, value))


def call_issued(host: Intercepted, call: MethodCall) -> MethodCall:
    """Return the call to make."""
    for interceptor in host.interceptors:
        call = interceptor.call(CallIssue(host.info(), call))
    return call


def signal_issued(host: Intercepted, call: SignalCall) -> SignalCall:
    """Return the signal to send."""
    for interceptor in host.interceptors:
        call = interceptor.send(SignalIssue(host.info(), call))
    return call


def cancel_issued(host: Intercepted, call: CancelCall) -> CancelCall:
    """Return the cancellation to ask for."""
    for interceptor in host.interceptors:
        call = interceptor.cancel(CancelIssue(host.info(), call))
    return call


def verb_issued(host: Intercepted, call: VerbCall) -> VerbCall:
    """Return the verb to use."""
    for interceptor in host.interceptors:
        call = interceptor.verb(VerbIssue(host.info(), call))
    return call


def tag_issued(host: Intercepted, call: TagCall) -> TagCall:
    """Return the tag to add or to remove."""
    for interceptor in host.interceptors:
        call = interceptor.tag(TagIssue(host.info(), call))
    return call


def query_run(
    host: Intercepted, name: str, function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> Any:
    """Return what a query answers."""
    info = replace(host.info(), method=name, method_id="")
    proceed: Callable[[], Any] = partial(function, *args, **kwargs)
    for interceptor in reversed(host.interceptors):
        proceed = partial(interceptor.run_query, QueryRun(info, args, kwargs, proceed))
    return proceed()
