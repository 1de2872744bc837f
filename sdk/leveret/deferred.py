"""Deferreds: future results inside a workflow, and how they combine."""

from __future__ import annotations

import inspect
from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, Never, NoReturn, TypeVar, TypeVarTuple

from leveret.combination import AllRound, AnyRound, CombinedSource
from leveret.errors import ArgumentMismatch
from leveret.source import Source, has_value
from leveret_broker.codec import register_type

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
U = TypeVar("U")
Ts = TypeVarTuple("Ts")


class Combinable(Generic[T_co]):
    """Something to wait for: await it, or combine it with `|` and `&`.

    Once a combination is decided, its other timers and receivers are withdrawn (they are issued again when somebody
    waits for them again); its other tasks go on. A signal that such a receiver had got already goes back to its
    channel. Cancelling whoever waits cancels what it waits for, as with asyncio's futures; `asyncio.shield` prevents
    it.
    """

    __slots__ = ("__weakref__", "_hash", "source")

    def __init__(self, source: Source, parts: Sequence[Combinable[Any]] = ()) -> None:
        """Stand on a source; `workflow.dispatch` and its like do this."""
        self.source = source
        # asyncio puts awaitables into sets: their order must not depend on addresses.
        self._hash = hash(source.number) if source.number is not None else hash(tuple(hash(part) for part in parts))

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return self is other

    def __bool__(self) -> NoReturn:
        """Refuse: `a or b` would wait for `a` alone."""
        text = f"{self!r} is neither true nor false: combine deferreds by | and &, and read how one stands off .status"
        raise ArgumentMismatch(text)

    def __await__(self) -> Generator[Any, Any, T_co]:
        """Wait for it; may be done many times. Raises a `DeferredError`, or `CancelledError` when cancelled here."""
        future = self.source.take()
        try:
            value: T_co = yield from future.__await__()
        except BaseException:
            # Whoever waits may be cancelled in the turn in which the value came: a signal goes back then.
            (self.source.lost if has_value(future) else self.source.used)(future)
            raise
        self.source.used(future)
        return value

    def __or__(self, other: Combinable[U]) -> Deferred[T_co | U]:
        """Return what completes with the first of both that completes; fails when both failed, with the last."""
        return any_of((self, other))

    def __ror__(self, other: Never) -> NoReturn:
        """Refuse, and say what may be meant: checkers let nobody come here."""
        raise ArgumentMismatch(_not_combined("|", other))

    def __rand__(self, other: Never) -> NoReturn:
        """Refuse, and say what may be meant: checkers let nobody come here."""
        raise ArgumentMismatch(_not_combined("&", other))

    @property
    def status(self) -> str:
        """`ongoing`, `completed`, `failed`, `cancelled`, `timed_out` or `unknown`; read without waiting."""
        return self.source.status

    def cancel(self) -> None:
        """Cancel it: a task is stopped, a timer removed, a combination cancels its parts. A second time: nothing."""
        self.source.cancel()


def _not_combined(operator: str, other: object) -> str:
    if inspect.iscoroutine(other):
        return f"{operator}: {other!r} is not a deferred; workflow.dispatch(stub.method, ...) makes one"
    return f"{operator}: {other!r} is not a deferred; `await` binds tighter: write `await (a {operator} b)`"


def _refuse(value: Any) -> Any:
    text = f"{value!r} is a deferred, which has no meaning elsewhere: await it first and use its value"
    raise ArgumentMismatch(text)


register_type(Combinable, _refuse, _refuse)  # wherever one is to be encoded: in an argument, a result, a signal


class Deferred(Combinable[T_co]):
    """The future result of something dispatched."""

    __slots__ = ()

    @property
    def number(self) -> int | None:
        """Command number in the run; None for a combination."""
        return self.source.number

    def __and__(self, other: Combinable[U]) -> AllOf[T_co, U]:
        """Return what completes with a tuple of both; fails with the first failure."""
        return AllOf(_all_source((self, other), tuple), (self, other))

    def __repr__(self) -> str:
        return f"<Deferred {'combination' if self.number is None else self.number} {self.status}>"


class AllOf(Combinable[tuple[*Ts]]):
    """What `&` gives: completes with a tuple; `&` again makes the tuple longer."""

    __slots__ = ("_parts",)

    def __init__(self, source: Source, parts: Sequence[Combinable[Any]]) -> None:
        super().__init__(source, parts)
        self._parts = tuple(parts)

    def __and__(self, other: Combinable[U]) -> AllOf[*Ts, U]:
        """Return what completes with a tuple that is one longer."""
        parts = (*self._parts, other)
        return AllOf(_all_source(parts, tuple), parts)

    def __repr__(self) -> str:
        return f"<AllOf {len(self._parts)} {self.status}>"


@dataclass(frozen=True, slots=True)
class First:
    """Who was first."""

    name: str
    value: Any


def any_of(parts: Iterable[Combinable[T]]) -> Deferred[T]:
    """Return what completes with the value of the first that completes; fails when all failed, with the last failure.

    Raises `ArgumentMismatch` when there is nothing to wait for.
    """
    listed = _checked("any_of", tuple(parts))
    return Deferred(_any_source(listed, _value_only), listed)


def all_of(parts: Iterable[Combinable[T]]) -> Deferred[list[T]]:
    """Return what completes with the list of all values, in the order given; fails with the first failure."""
    listed = _checked("all_of", tuple(parts), empty=True)
    return Deferred(_all_source(listed, list), listed)


def first(**parts: Combinable[Any]) -> Deferred[First]:
    """Return what completes with the name and the value of the first that completes.

    A timer lets everything win that completed in the same turn. Fails when all failed, with the last failure.
    """
    names = tuple(parts)
    listed = _checked("first", tuple(parts.values()))

    def named(index: int, value: Any) -> First:
        return First(names[index], value)

    return Deferred(_any_source(listed, named), listed)


def refuse_deferreds(what: str, args: Iterable[Any]) -> None:
    """Raise `ArgumentMismatch` when something to wait for is passed where its value is meant."""
    for value in args:
        if isinstance(value, Combinable):
            text = f"{what}(): an argument is a deferred, {value!r}: await it first and pass its value"
            raise ArgumentMismatch(text)


def _any_source(parts: Sequence[Combinable[Any]], value: Any) -> CombinedSource:
    return CombinedSource(partial(AnyRound, [part.source for part in parts], value))


def _all_source(parts: Sequence[Combinable[Any]], value: Any) -> CombinedSource:
    _checked("&", parts, empty=True)
    return CombinedSource(partial(AllRound, [part.source for part in parts], value))


def _value_only(_: int, value: Any) -> Any:
    return value


def _checked(what: str, parts: Sequence[Combinable[T]], *, empty: bool = False) -> Sequence[Combinable[T]]:
    if not parts and not empty:
        text = f"{what}: there is nothing to wait for"
        raise ArgumentMismatch(text)
    for part in parts:
        thing: object = part
        if not isinstance(thing, Combinable):
            text = f"{what}: {thing!r} is not a deferred; workflow.dispatch(stub.method, ...) makes one"
            raise ArgumentMismatch(text)
    return parts
