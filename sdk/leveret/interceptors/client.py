"""Around what a client does."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeVar

from leveret.calls import CancelCall, MethodCall, SignalCall, Target, TaskCall, VerbCall
from leveret.start_options import StartPlan
from leveret_broker.codec import Payload

C_contra = TypeVar("C_contra", contravariant=True)


class Proceed(Protocol[C_contra]):
    """Goes on to the next interceptor, and at last to the broker: `await details.proceed()`."""

    def __call__(self, call: C_contra | None = None, /) -> Awaitable[Any]:
        """Send what was asked for, or `call` in its place; it must be for the same workflow, id or tag.

        A second time sends the same message id: receivers drop it, and answer it again.
        """
        ...


@dataclass(frozen=True, slots=True)
class StartCall:
    """A start."""

    plan: StartPlan
    """Workflow, id, tags, meta and the other options of `Client.new`."""
    method: str
    """Wire name."""
    arguments: Payload
    message_id: str
    """Idempotency key."""


@dataclass(frozen=True, slots=True)
class StartRequest:
    """An instance that is about to be started."""

    call: StartCall
    waits: bool
    """The caller waits for the result; else it gets a handle."""
    proceed: Proceed[StartCall]


@dataclass(frozen=True, slots=True)
class ServiceCall:
    """A task of a service, called without a workflow."""

    task: TaskCall
    """Service, name, arguments, and the options of `Client.service`."""
    task_id: str
    """Idempotency key."""


@dataclass(frozen=True, slots=True)
class TaskRequest:
    """A task that is about to be called."""

    call: ServiceCall
    waits: bool
    """The caller waits for the result; else it gets a handle."""
    proceed: Proceed[ServiceCall]


@dataclass(frozen=True, slots=True)
class SignalRequest:
    """A signal that is about to be sent."""

    call: SignalCall
    proceed: Proceed[SignalCall]


@dataclass(frozen=True, slots=True)
class CallRequest:
    """A method that is about to be called on a running instance, or on all with a tag."""

    call: MethodCall
    waits: bool
    """The caller waits for the result; else it gets a handle."""
    proceed: Proceed[MethodCall]


@dataclass(frozen=True, slots=True)
class QueryRequest:
    """A read-only method that is about to be asked."""

    call: MethodCall
    proceed: Proceed[MethodCall]


@dataclass(frozen=True, slots=True)
class ResultRequest:
    """A result that is about to be waited for: of an instance, of a method called on it, of a client's task."""

    target: Target
    method_id: str
    """Empty for the main method."""
    proceed: Callable[[], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class CancelRequest:
    """What is about to be cancelled: an instance or all with a tag, one of its methods or tasks, a client's task."""

    call: CancelCall
    method_id: str
    """Only this method; empty for all."""
    task_id: str
    """Only this task; empty for all."""
    proceed: Proceed[CancelCall]


@dataclass(frozen=True, slots=True)
class VerbRequest:
    """`retry_tasks`, `retry_workflow_task`, `complete_timers` or `describe`."""

    call: VerbCall
    proceed: Proceed[VerbCall]


@dataclass(frozen=True, slots=True)
class PageRequest:
    """A page of the journal of an instance, or of the members of a tag, that is about to be read."""

    target: Target
    what: Literal["history", "members"]
    after: int
    """Records, or join number, before the page."""
    proceed: Callable[[], Awaitable[Any]]


class ClientInterceptor:
    """Runs around what a client does, on the event loop of the client.

    Each hook returns what the caller gets. What it raises, the caller gets: before `proceed` it refuses the request,
    after it, it stands in place of what `proceed` raised.
    """

    async def start(self, details: StartRequest, /) -> Any:
        """Start an instance; returns its result, or the handle where the caller does not wait."""
        return await details.proceed()

    async def call_task(self, details: TaskRequest, /) -> Any:
        """Call a task of a service; returns its result, or the handle where the caller does not wait."""
        return await details.proceed()

    async def send_signal(self, details: SignalRequest, /) -> Any:
        """Send a signal; returns nothing."""
        return await details.proceed()

    async def call_method(self, details: CallRequest, /) -> Any:
        """Call a method of a running instance; returns its result, or the handle where the caller does not wait."""
        return await details.proceed()

    async def ask_query(self, details: QueryRequest, /) -> Any:
        """Ask a query; returns its answer."""
        return await details.proceed()

    async def await_result(self, details: ResultRequest, /) -> Any:
        """Wait for the result of what was started or called before; returns it."""
        return await details.proceed()

    async def request_cancel(self, details: CancelRequest, /) -> Any:
        """Ask for a cancellation; returns a `Done` for a task, else nothing."""
        return await details.proceed()

    async def use_verb(self, details: VerbRequest, /) -> Any:
        """Use a verb of operators; returns a `Done`, or a `Description`."""
        return await details.proceed()

    async def read_page(self, details: PageRequest, /) -> Any:
        """Read a page; returns it."""
        return await details.proceed()
