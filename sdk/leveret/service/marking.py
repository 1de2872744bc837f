"""`@service.task`: what one function of a service wants."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from types import CoroutineType
from typing import Any, Final, ParamSpec, Protocol, TypeVar, overload

from leveret.contract import Duration, seconds
from leveret.retry import RetryPolicy
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
    *, name: str | None = None, retry: RetryPolicy | None = None, timeout: Duration | None = None
) -> TaskDecorator: ...


def task(
    function: Any = None,
    /,
    *,
    name: str | None = None,
    retry: RetryPolicy | None = None,
    timeout: Duration | None = None,
) -> Any:
    """Mark a function of a service. Required on sync functions, which run in a thread.

    Arguments:
        function: the function, when used bare.
        name: on the wire; default: the contract's, else the function's own.
        retry: what follows a failed attempt; default: the class's policy, else no retry.
        timeout: of one attempt, a timedelta or seconds; default: the class's, else none.

    Raises `ConfigurationError` for an unusable name or timeout.
    """
    wire = "" if name is None else check_name("task", name)
    mark = TaskMark(wire, retry, seconds(f"task {wire}: timeout", timeout))

    def decorate(function: Any) -> Any:
        setattr(function, MARK, mark)
        return function

    return decorate if function is None else decorate(function)
