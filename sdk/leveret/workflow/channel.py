"""Channels: typed inlets of an instance."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, Self, TypeVar, get_origin, overload

from leveret.calls import Receive
from leveret.deferred import Deferred
from leveret.errors import ArgumentMismatch
from leveret.runtime import Operation, current
from leveret.source import ReceiveSource
from leveret.workflow.path import predicate_of
from leveret_broker.errors import ConfigurationError
from leveret_broker.ids import check_name

T = TypeVar("T")
U = TypeVar("U")


class Channel(Generic[T]):
    """A class attribute of a workflow: `decisions = workflow.Channel[Decision]()`.

    In a Protocol it is an annotation: `decisions: workflow.Channel[Decision]`.
    """

    def __init__(self, *, buffered: bool = True, name: str | None = None) -> None:
        """Make a channel; `buffered=False` discards what comes while nobody receives.

        `name` is its name on the wire (default: the attribute's). Raises `ConfigurationError` for an unusable one.
        """
        self.buffered = buffered
        self.name = "" if name is None else check_name("channel", name)
        self._owner = "workflow"

    def __set_name__(self, owner: type[Any], name: str) -> None:
        self._owner = owner.__qualname__
        self.name = self.name or name

    @property
    def kind(self) -> Any:
        """Type expression of its values; `Any` when untyped."""
        made_as = getattr(self, "__orig_class__", None)
        return Any if made_as is None else made_as.__args__[0]

    @overload
    def receive(self, *, where: Callable[[T], bool] | str | None = None) -> Deferred[T]: ...
    @overload
    def receive(self, kind: type[U], /, *, where: Callable[[U], bool] | str | None = None) -> Deferred[U]: ...
    @overload
    def receive(self, n: int, /, *, where: Callable[[T], bool] | str | None = None) -> Deferred[list[T]]: ...
    @overload
    def receive(
        self, kind: type[U], n: int, /, *, where: Callable[[U], bool] | str | None = None
    ) -> Deferred[list[U]]: ...

    def receive(self, *what: Any, where: Callable[[Any], bool] | str | None = None) -> Deferred[Any]:
        """Return the next signal as a deferred; awaiting it again gives the one after.

        Arguments:
            what: a type takes only signals of that type, a number takes that many as a list; both may be given. What
                is not taken stays for other receivers.
            where: takes only signals that match: a pure function, or a JSONPath (RFC 9535) such as
                `"$[?@.user_id == 'u1']"`. The path is applied to a list that holds the one signal, as its JSON would be
                (a date is a text); the signal matches if that selects anything.

        Raises:
            NotInWorkflow: outside of a workflow.
            ArgumentMismatch: for anything else, and for a bad path, with the column at which it is bad.
        """
        runtime = current()
        call = Receive(self.name, self._accepts(what, where), self._count(what))

        def issue() -> Operation:
            return runtime.receive(call)

        return Deferred(ReceiveSource(issue, runtime.give_back))

    async def send(self, value: T, *, message_id: str | None = None) -> None:  # noqa: ARG002 - see the stubs
        """Send a signal; returns when the broker holds it. On what `get` and `all` return.

        A second one with the same `message_id` is dropped. Raises `ArgumentMismatch` for a value of another type.
        """
        text = (
            f"{self._owner}.{self.name}.send(): signals are sent through Client.get(...) or all(...), and from a "
            "workflow through workflow.get(...) or all(...)"
        )
        raise ConfigurationError(text)

    def __aiter__(self) -> SignalIterator[T]:
        """Iterate over all signals, in the order in which they were accepted."""
        return SignalIterator(self)

    def _accepts(self, what: tuple[Any, ...], where: Any) -> Callable[[Any], bool] | None:
        fits = self._predicate(where)
        kinds = [kind for kind in what if not isinstance(kind, int)]
        if not kinds:
            return fits
        kind = get_origin(kinds[0]) or kinds[0]
        try:
            isinstance(None, kind)
        except TypeError as error:
            text = f"{self._owner}.{self.name}.receive(): {kinds[0]!r} is not a type to select signals by: {error}"
            raise ArgumentMismatch(text) from error
        if fits is None:
            return lambda value: isinstance(value, kind)
        return lambda value: isinstance(value, kind) and fits(value)

    def _predicate(self, where: Any) -> Callable[[Any], bool] | None:
        if isinstance(where, str):
            try:
                return predicate_of(where)
            except ArgumentMismatch as error:
                text = f"{self._owner}.{self.name}.receive(): {error}"
                raise ArgumentMismatch(text) from None
        if where is not None and not callable(where):
            text = f"{self._owner}.{self.name}.receive(): where={where!r} must be a function or a JSONPath"
            raise ArgumentMismatch(text)
        return None if where is None else lambda value: bool(where(value))

    def _count(self, what: tuple[Any, ...]) -> int | None:
        counts = [n for n in what if isinstance(n, int)]
        if len(what) > 2 or len(counts) > 1 or len(what) - len(counts) > 1 or (counts and counts[0] < 1):
            text = f"{self._owner}.{self.name}.receive{what!r}: takes a type, a number of 1 or more, or both"
            raise ArgumentMismatch(text)
        return counts[0] if counts else None


class SignalIterator(Generic[T]):
    """Signals one after another; not an async generator, which would need hooks of the event loop."""

    def __init__(self, channel: Channel[T]) -> None:
        self._channel = channel

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        return await self._channel.receive()
