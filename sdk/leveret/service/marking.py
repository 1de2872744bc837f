"""`@service.task`: what one function of a service wants."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from types import CoroutineType, FunctionType
from typing import Any, Final, Literal, ParamSpec, Protocol, TypeVar, overload

from leveret.contract import Duration, check_decorated, seconds, seconds_or_zero
from leveret.definition import Batching
from leveret.retry import RetryPolicy
from leveret_broker.errors import ConfigurationError
from leveret_broker.ids import check_name

P = ParamSpec("P")
R = TypeVar("R")

MARK: Final = "__leveret_task__"


@dataclass(frozen=True, slots=True)
class TaskMark:
    """What the decorator was given."""

    name: str = ""
    retry: RetryPolicy | None = None
    timeout: float = 0.0
    grace: float | None = None
    batching: Batching | None = None
    """The function takes many calls at once."""
    process: bool = False
    delegated: bool = False
    """The task goes on when the function has returned."""
    heartbeat: float = 0.0


class DelegatedDecorator(Protocol):
    """Types a function, whatever it returns, as one that fits any contract: the result comes from elsewhere."""

    @overload
    def __call__(
        self, function: Callable[P, Coroutine[Any, Any, object]], /
    ) -> Callable[P, CoroutineType[Any, Any, Any]]: ...
    @overload
    def __call__(self, function: Callable[P, object], /) -> Callable[P, CoroutineType[Any, Any, Any]]: ...


class TaskDecorator(Protocol):
    """Types a sync function as one that fits an async contract."""

    @overload
    def __call__(self, function: Callable[P, Coroutine[Any, Any, R]], /) -> Callable[P, CoroutineType[Any, Any, R]]: ...
    @overload
    def __call__(self, function: Callable[P, R], /) -> Callable[P, CoroutineType[Any, Any, R]]: ...


@overload
def task(function: Callable[P, Coroutine[Any, Any, R]], /) -> Callable[P, CoroutineType[Any, Any, R]]: ...
@overload
def task(function: Callable[P, R], /) -> Callable[P, CoroutineType[Any, Any, R]]: ...
@overload
def task(
    *,
    name: str | None = None,
    retry: RetryPolicy | None = None,
    timeout: Duration | None = None,
    grace: Duration | None = None,
    process: bool = False,
    heartbeat: Duration | None = None,
    delegated: Literal[False] = False,
) -> TaskDecorator: ...
@overload
def task(
    *,
    name: str | None = None,
    retry: RetryPolicy | None = None,
    timeout: Duration | None = None,
    grace: Duration | None = None,
    heartbeat: Duration | None = None,
    process: bool = False,
    delegated: Literal[True],
) -> DelegatedDecorator: ...


def task(
    function: Any = None,
    /,
    *,
    name: str | None = None,
    retry: RetryPolicy | None = None,
    timeout: Duration | None = None,
    grace: Duration | None = None,
    process: bool = False,
    heartbeat: Duration | None = None,
    delegated: bool = False,
) -> Any:
    """Mark a function of a service. Required on sync functions, which run in a thread.

    Arguments:
        function: the function, when used bare.
        name: on the wire; default: the contract's, else the function's own.
        retry: what follows a failed attempt; default: the class's policy, else no retry.
        timeout: of one attempt, a timedelta or seconds; default: the class's, else none.
        grace: how long a function that is told to stop (over its timeout, cancelled) may take to end before it is given
            up, a timedelta or seconds; default: the class's, else 5 s. One in a thread keeps its slot until it ends.
        process: run a sync function that keeps a processor busy in a process of its own, which is killed where others
            are told to stop. The process makes its own object of the class: it must be importable, without arguments.
        heartbeat: an attempt that has not called `service.context().heartbeat()` for so long is stopped and counts as
            failed, a timedelta or seconds; none by default. Not with `process`, whose heartbeats nobody would hear.
        delegated: the function only hands the work to somebody, with its task id; what it returns is ignored. The task
            stays open until `Client.complete_task` or `Client.fail_task` ends it, it is cancelled, or its contract
            timeout passes (without one: for a year).

    Raises `ConfigurationError` for an unusable name or number.
    """
    mark = replace(
        mark_for(name, retry, timeout, grace, process=process),
        heartbeat=seconds("heartbeat of a task", heartbeat),
        delegated=delegated,
    )
    if process and heartbeat is not None:
        text = f"task {mark.name}: a function in a process of its own has no heartbeat= that anybody hears"
        raise ConfigurationError(text)

    def decorate(function: Any) -> Any:
        check_decorated("service.task", function, FunctionType)
        setattr(function, MARK, mark)
        return function

    return decorate if function is None else decorate(function)


def mark_for(
    name: str | None,
    retry: RetryPolicy | None,
    timeout: Duration | None,
    grace: Duration | None,
    batching: Batching | None = None,
    *,
    process: bool = False,
) -> TaskMark:
    """Return what a decorator was given, checked; raises `ConfigurationError`."""
    wire = "" if name is None else check_name("task", name)
    limit = seconds(f"task {wire}: timeout", timeout)
    patience = None if grace is None else seconds_or_zero(f"task {wire}: grace", grace)
    return TaskMark(wire, retry, limit, patience, batching, process)
