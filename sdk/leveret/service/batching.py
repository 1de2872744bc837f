"""`@service.batch`: one function for many calls at once."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from functools import cached_property
from types import CoroutineType
from typing import Any, Generic, Protocol, TypeVar, get_args, get_origin, overload

import msgspec

from leveret.contract import Duration, seconds_or_zero
from leveret.definition import Batching
from leveret.errors import ArgumentMismatch
from leveret.retry import RetryPolicy
from leveret.service.marking import MARK, mark_for
from leveret.service.task_context import TaskContext
from leveret.signature import MethodSignature
from leveret_broker.codec import Codec
from leveret_broker.errors import ConfigurationError, DecodeError
from leveret_broker.ids import TaskId

S = TypeVar("S")
T = TypeVar("T")
R = TypeVar("R")


@dataclass(slots=True, kw_only=True)
class Call(TaskContext, Generic[T]):
    """One call of a batch: its argument, and all that its task knows about itself."""

    argument: T


class BatchDecorator(Protocol):
    """Types a function over many calls as one that fits the contract of a single call."""

    @overload
    def __call__(
        self, function: Callable[[S, dict[TaskId, Call[T]]], Coroutine[Any, Any, None]], /
    ) -> Callable[[S, T], CoroutineType[Any, Any, None]]: ...
    @overload
    def __call__(
        self, function: Callable[[S, dict[TaskId, Call[T]]], Coroutine[Any, Any, Mapping[TaskId, R | Exception]]], /
    ) -> Callable[[S, T], CoroutineType[Any, Any, R]]: ...
    @overload
    def __call__(
        self, function: Callable[[S, dict[TaskId, Call[T]]], None], /
    ) -> Callable[[S, T], CoroutineType[Any, Any, None]]: ...
    @overload
    def __call__(
        self, function: Callable[[S, dict[TaskId, Call[T]]], Mapping[TaskId, R | Exception]], /
    ) -> Callable[[S, T], CoroutineType[Any, Any, R]]: ...


def batch(
    *,
    max: int = 100,  # noqa: A002 - as users say it
    seconds: Duration = 0.1,
    key: Callable[[Call[Any]], Any] | None = None,
    name: str | None = None,
    retry: RetryPolicy | None = None,
    timeout: Duration | None = None,
    grace: Duration | None = None,
) -> BatchDecorator:
    """Mark a function that takes many calls at once, `dict[TaskId, Call[T]]`, and returns a value for each task id.

    A value that is an exception is the failure of its call, which is retried as the policy says. What the function
    raises, and its timeout, is the failure of nobody in particular: each of the calls is run again, alone. A function
    that returns None completes all. The contract declares one call: `async def book(self, cart: Cart, /) -> Booking`.

    Arguments:
        max: most calls of a batch.
        seconds: how long the first call of a batch waits for others, a timedelta or seconds.
        key: calls for which it returns different (hashable) values go into different batches; None: all may be
            together. It runs on the node's event loop and must be quick.
        name: on the wire; default: the contract's, else the function's own.
        retry: what follows a failed attempt of a call; default: the class's policy, else no retry.
        timeout: of a batch, a timedelta or seconds; default: the class's, else none.
        grace: as in `service.task`.

    Raises `ConfigurationError` for an unusable name or number.
    """
    mark = mark_for(name, retry, timeout, grace, Batching(_most(max), seconds_or_zero("the seconds", seconds), key))

    def decorate(function: Any) -> Any:
        setattr(function, MARK, mark)
        return function

    return decorate


class BatchSignature(MethodSignature):
    """The signature of one call, read off the function that takes many."""

    @cached_property
    def signature(self) -> inspect.Signature:
        """Its only parameter, which has no name that counts."""
        return inspect.Signature([inspect.Parameter("call", inspect.Parameter.POSITIONAL_ONLY)])

    @cached_property
    def types(self) -> Mapping[str, Any]:
        """The type of the argument. Raises `ConfigurationError` for a function that does not take calls."""
        parameters = list(inspect.signature(self.function).parameters.values())[1:]
        hint = self._hints.get(parameters[0].name) if len(parameters) == 1 else None
        calls = get_args(hint)[1] if get_origin(hint) is dict else None
        if (get_origin(calls) or calls) is not Call:
            text = f"{self.name}() is a batch: its one parameter must be annotated `dict[TaskId, Call[...]]`"
            raise ConfigurationError(text)
        return {"call": (get_args(calls) or (Any,))[0]}

    @property
    def result(self) -> Any:
        """Type expression of the value of one call."""
        hint = self._hints.get("return", Any)
        if get_origin(hint) is None:
            return hint
        value = get_args(hint)[-1]
        kinds = tuple(kind for kind in get_args(value) if not _is_exception(kind))
        return value if len(kinds) == len(get_args(value)) else _union(kinds)

    @cached_property
    def has_results(self) -> bool:
        """False for a function that returns None, having done what there is to do."""
        return self._hints.get("return", Any) is not type(None)

    def load_argument(self, codec: Codec, arguments: bytes) -> Any:
        """Return the argument of one call, whatever the caller's contract calls it; raises `ArgumentMismatch`."""
        try:
            parts: dict[str, msgspec.Raw] = codec.load(arguments, dict[str, msgspec.Raw])
            if len(parts) == 1:
                (part,) = parts.values()
                return codec.load_part(part, self.types["call"])
        except DecodeError as error:
            text = f"{self.name}(): the argument does not fit its signature: {error}"
            raise ArgumentMismatch(text) from error
        text = f"{self.name}() takes exactly one argument, not {len(parts)}"
        raise ArgumentMismatch(text)


def check_contract(name: str, declared: Callable[..., Any], signature: BatchSignature) -> None:
    """Raise `ConfigurationError` for a contract whose calls do not fit a batch."""
    parameters = list(inspect.signature(declared).parameters.values())[1:]
    if [parameter.kind for parameter in parameters] != [inspect.Parameter.POSITIONAL_ONLY]:
        text = (
            f"{name} is a batch: its contract must take exactly one position-only argument, "
            f"as in `async def {declared.__name__}(self, cart: Cart, /) -> Reservation`"
        )
        raise ConfigurationError(text)
    wanted, given = MethodSignature.of(name, declared).types[parameters[0].name], signature.types["call"]
    if Any not in {wanted, given} and wanted != given:
        text = f"{name} is a batch of Call[{given!r}], but its contract takes {wanted!r}"
        raise ConfigurationError(text)


def _is_exception(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseException)


def _union(kinds: tuple[Any, ...]) -> Any:
    found: Any = Any if not kinds else kinds[0]
    for kind in kinds[1:]:
        found |= kind
    return found


def _most(number: int) -> int:
    if number < 1:
        text = f"the max of a batch must be 1 or more, not {number!r}"
        raise ConfigurationError(text)
    return number
