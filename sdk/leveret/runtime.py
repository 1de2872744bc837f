"""What the engine gives to workflow code while it steps it: the one seam between SDK and engine.

The SDK turns stubs, channels and helpers into these calls; the engine gives each command a number, journals it and
settles its future. Arguments are payloads already when they get here: what cannot be encoded never becomes a command.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from typing import TYPE_CHECKING, Any, Protocol, TypeVar
from uuid import UUID

from leveret.calls import CancelCall, ChildCall, MethodCall, Receive, SignalCall, TagCall, TaskCall, VerbCall
from leveret.errors import NotInWorkflow
from leveret_broker.codec import Codec, Payload

if TYPE_CHECKING:
    import asyncio

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Parent:
    """The instance that started a child."""

    workflow: str
    id: str
    run: str


class Tags(frozenset[str]):
    """Tags, in alphabetical order: other sets of texts have another order in each process, and so on a replay."""

    __slots__ = ()

    def __iter__(self) -> Iterator[str]:
        """Iterate in order."""
        return iter(sorted(super().__iter__()))


@dataclass(frozen=True, slots=True)
class Info:
    """Who runs."""

    workflow: str
    id: str
    run: str
    version: int
    method: str
    """Wire name of the method that asks."""
    method_id: str
    """`main` for the method that the start named, else the id of the call."""
    tags: frozenset[str] = Tags()
    """In alphabetical order when iterated."""
    meta: Mapping[str, str] = field(default_factory=dict[str, str])
    parent: Parent | None = None
    """Whose child it is."""


class ContinueAsNew(BaseException):
    """Leaves the main method to have the next run begun; no `Exception`, so that `except Exception` lets it pass."""

    def __init__(self, arguments: Payload) -> None:
        """Carry the arguments of the next run's main method."""
        super().__init__("this run ends and the next one begins")
        self.arguments = arguments


class Operation(Protocol):
    """What became of a command."""

    @property
    def number(self) -> int:
        """Command number, unique in the run."""
        ...

    @property
    def kind(self) -> str:
        """`task`, `timer`, `receive`, `child`, `call`, …."""
        ...

    @property
    def name(self) -> str:
        """`Hotel.book`, the channel's name, ""."""
        ...

    @property
    def future(self) -> asyncio.Future[Any]:
        """Result (decoded) or a `DeferredError`; belongs to the workflow's loop. Cancelling it cancels the command."""
        ...

    @property
    def status(self) -> str:
        """`ongoing`, `completed`, `failed`, `cancelled`, `timed_out` or `unknown`."""
        ...


class Runtime(Protocol):
    """The engine, seen from inside a workflow."""

    @property
    def codec(self) -> Codec:
        """Turns arguments into payloads."""
        ...

    def run_task(self, call: TaskCall) -> Operation:
        """Send a task to its service."""
        ...

    def start_child(self, call: ChildCall) -> Operation:
        """Start a workflow. Cancelling the operation's future cancels it, unless it is detached."""
        ...

    def call_method(self, call: MethodCall) -> Operation:
        """Run a method of another instance; by tag its result is `None`, at once."""
        ...

    def send_signal(self, call: SignalCall) -> Operation:
        """Send a signal; the operation has ended already."""
        ...

    def cancel_target(self, call: CancelCall) -> Operation:
        """Ask an instance to cancel; the operation has ended already."""
        ...

    def ask_verb(self, call: VerbCall) -> Operation:
        """Have an operator's verb carried out; its result says what was done, by tag to how many it was sent."""
        ...

    def change_tags(self, calls: Sequence[TagCall]) -> Sequence[Operation]:
        """Carry tags, or not any more; raises `ArgumentMismatch`, and does nothing, where one of them may not be."""
        ...

    def set_timer(self, at: float) -> Operation:
        """Set a durable timer for a Unix time; one in the past fires in the next turn. Its result is `None`."""
        ...

    def receive(self, call: Receive) -> Operation:
        """Wait for signals."""
        ...

    def give_back(self, operation: Operation) -> None:
        """Return what a `receive` that has ended got, because nobody saw it: it is unread again."""
        ...

    def wait_for(self, predicate: Callable[[], object]) -> asyncio.Future[None]:
        """Return a future of the workflow's loop that ends when `predicate` is true once the code waits again."""
        ...

    def inline(self, function: Callable[[], T], kind: Any) -> T:
        """Run `function` once, outside the rules; a replay gets its journalled result, decoded as `kind`."""
        ...

    def patched(self, patch: str, *, deprecated: bool = False) -> bool:
        """Tell whether this run takes the new side of a change, and note it in the journal the first time."""
        ...

    def next_arguments(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Payload:
        """Return what the main method of the next run gets; raises `ArgumentMismatch`, and where none can begin."""
        ...

    def now(self) -> datetime:
        """Return the turn's time, aware, UTC; never runs backwards."""
        ...

    def uuid(self) -> UUID:
        """Return a new UUID from the run's own seed."""
        ...

    def random(self) -> Random:
        """Return the run's generator, seeded from the run id."""
        ...

    def info(self) -> Info:
        """Tell who runs."""
        ...

    def watch(self, call: Coroutine[Any, Any, Any], what: str) -> None:
        """Remember a stub call, to fail the method that returns without ever having awaited it."""
        ...

    def is_replaying(self) -> bool:
        """Tell whether this step repeats the past; log records are dropped then."""
        ...


class _Current(threading.local):
    runtime: Runtime | None = None


_current = _Current()
_unsafe: ContextVar[bool] = ContextVar("leveret.unsafe", default=False)
_steps: dict[int, stepping] = {}


def current_or_none() -> Runtime | None:
    """Return the runtime whose workflow this thread steps now, if any."""
    return _current.runtime


def current() -> Runtime:
    """Return the runtime whose workflow this thread steps now; raises `NotInWorkflow`."""
    runtime = _current.runtime
    if runtime is None:
        raise NotInWorkflow
    return runtime


def is_guarded() -> bool:
    """Tell whether what this thread does now must come out the same on a replay: it steps a workflow, guards on."""
    return _current.runtime is not None and not _unsafe.get()


class unguarded:  # noqa: N801 - reads as a statement: `with unguarded():`
    """Lift the guards in this block of workflow code; awaits inside it lift nobody else's."""

    __slots__ = ("_token",)

    def __enter__(self) -> None:
        """Enter."""
        self._token = _unsafe.set(True)

    def __exit__(self, *_: object) -> None:
        """Restore what held before."""
        _unsafe.reset(self._token)


def step_of(thread: int) -> stepping | None:
    """Return the step that a thread (by its ident) is in: the same object for as long as that step takes."""
    return _steps.get(thread)


class stepping:  # noqa: N801 - reads as a statement: `with stepping(runtime):`
    """Make `runtime` the current one of this thread."""

    __slots__ = ("_outer", "runtime")

    def __init__(self, runtime: Runtime) -> None:
        """Prepare."""
        self.runtime = runtime
        self._outer: Runtime | None = None

    def __enter__(self) -> None:
        """Enter."""
        self._outer, _current.runtime = _current.runtime, self.runtime
        if self._outer is None:
            _steps[threading.get_ident()] = self

    def __exit__(self, *_: object) -> None:
        """Restore what was current before."""
        _current.runtime = self._outer
        if self._outer is None:
            _steps.pop(threading.get_ident(), None)


class outside:  # noqa: N801 - reads as a statement: `with outside():`
    """Have this thread step nothing for a while, as inline functions do."""

    __slots__ = ("_outer",)

    def __enter__(self) -> None:
        """Enter."""
        self._outer, _current.runtime = _current.runtime, None

    def __exit__(self, *_: object) -> None:
        """Restore what was current before."""
        _current.runtime = self._outer
