"""The client for code without an event loop: Django, scripts, threads."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator
from contextlib import ExitStack
from typing import Any, Generic, ParamSpec, Self, TypeVar, Unpack, overload

from anyio.from_thread import BlockingPortal, start_blocking_portal

from leveret import client as asynchronous
from leveret.client import Group, NamedStart, StartOptions, TagMember
from leveret.client.verbs import PATIENCE, Names
from leveret.contract import Duration
from leveret_broker.codec import Codec
from leveret_broker.envelope import Description, Done
from leveret_broker.errors import TransportClosed
from leveret_broker.transport import Transport

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")


class Handle(Generic[R]):
    """One instance, for code that blocks; see `leveret.Handle`."""

    def __init__(self, client: Client, handle: asynchronous.Handle[R]) -> None:
        """Made by `Client.dispatch`."""
        self._client = client
        self._handle = handle

    def __repr__(self) -> str:
        return repr(self._handle)

    @property
    def id(self) -> str:
        """The instance's id."""
        return self._handle.id

    @property
    def run(self) -> str:
        """The run; empty while it is not known."""
        return self._handle.run

    def result(self, timeout: Duration | None = None) -> R:
        """Wait for the result; raises as the asynchronous one does."""
        return self._client.run(self._handle.result(timeout))

    def cancel(self, reason: str = "", *, force: bool = False) -> None:
        """Ask the instance to cancel."""
        self._client.run(self._handle.cancel(reason, force=force))

    def retry_tasks(self, *task_ids: str, status: str | Iterable[str] = (), service: Names = ()) -> Done:
        """Send tasks that ended without a value again."""
        return self._client.run(self._handle.retry_tasks(*task_ids, status=status, service=service))

    def retry_workflow_task(self) -> Done:
        """Have what failed by its own code, or is blocked, run again."""
        return self._client.run(self._handle.retry_workflow_task())

    def complete_timers(self, method: str = "") -> Done:
        """Fire pending timers now."""
        return self._client.run(self._handle.complete_timers(method))

    def describe(self, timeout: Duration = PATIENCE) -> Description:
        """Return what the instance is and waits for."""
        return self._client.run(self._handle.describe(timeout))

    def history(self, after: int = 0) -> Iterator[bytes]:
        """Iterate over the encoded journal records."""
        return self._client.iterate(self._handle.history(after))


class Client:
    """A blocking client, safe to share by threads; its event loop runs in a thread of its own.

    `with Client(url) as client: client.run(client.new(Booking).book(cart))`
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        transport: Transport | None = None,
        codec: Codec | None = None,
        connect_timeout: Duration | None = 30.0,
    ) -> None:
        """Prepare; takes what `leveret.Client` takes."""
        self._client = asynchronous.Client(url, transport=transport, codec=codec, connect_timeout=connect_timeout)
        self._portal: BlockingPortal | None = None
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        """Start the thread and connect; raises `BrokerRefused`, `BrokerUnavailable`."""
        with ExitStack() as stack:
            self._portal = stack.enter_context(start_blocking_portal("asyncio", name="leveret client"))
            stack.enter_context(self._portal.wrap_async_context_manager(self._client))
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Disconnect and end the thread; a second time: nothing."""
        self._stack.close()
        self._portal = None

    def run(self, call: Coroutine[Any, Any, R]) -> R:
        """Wait for anything that is awaitable on the asynchronous side: `client.run(booking.book(cart))`."""
        portal = self._portal
        if portal is None:
            call.close()
            raise TransportClosed("the client is not open: use `with Client(...) as client:`")

        async def wait() -> R:
            return await call

        return portal.call(wait)

    def iterate(self, values: AsyncIterator[T]) -> Iterator[T]:
        """Iterate over what the asynchronous side iterates over."""

        async def step() -> tuple[T] | None:
            try:
                return (await anext(values),)
            except StopAsyncIteration:
                return None

        while (value := self.run(step())) is not None:
            yield value[0]

    @overload
    def new(self, workflow: Callable[..., T], **options: Unpack[StartOptions]) -> T: ...
    @overload
    def new(self, workflow: str, **options: Unpack[StartOptions]) -> NamedStart: ...

    def new(self, workflow: Any, **options: Unpack[StartOptions]) -> Any:
        """Return a stub that starts instances; what it returns goes through `run` or `dispatch`."""
        return self._client.new(workflow, **options)

    @overload
    def get(self, workflow: Callable[..., T], *, id: str) -> T: ...
    @overload
    def get(self, workflow: str, *, id: str) -> Handle[Any]: ...

    def get(self, workflow: Any, *, id: str) -> Any:  # noqa: A002 - as users say it
        """Return a stub of one instance: `client.run(client.get(Booking, id="b1").decisions.send(Decision.yes))`."""
        found: Any = self._client.get(workflow, id=id)
        return Handle(self, found) if isinstance(workflow, str) else found

    @overload
    def all(self, workflow: Callable[..., T], *, tag: str) -> T: ...
    @overload
    def all(self, workflow: str, *, tag: str) -> Group: ...

    def all(self, workflow: Any, *, tag: str) -> Any:
        """Return a stub of all instances with a tag; what its channels return goes through `run`."""
        return self._client.all(workflow, tag=tag)

    def dispatch(self, method: Callable[P, Coroutine[Any, Any, R]], /, *args: P.args, **kwargs: P.kwargs) -> Handle[R]:
        """Start and do not wait for the result."""
        return Handle(self, self.run(self._client.dispatch(method, *args, **kwargs)))

    def result(self, instance: object, timeout: Duration | None = None) -> Any:
        """Wait for the result of what `get` returned."""
        return self.run(self._client.result(instance, timeout))

    def cancel(self, target: object, reason: str = "", *, force: bool = False) -> None:
        """Cancel what `get` or `all` returned."""
        self.run(self._client.cancel(target, reason, force=force))

    def retry_tasks(
        self, target: object, *task_ids: str, status: str | Iterable[str] = (), service: Names = ()
    ) -> Done:
        """Send tasks that ended without a value again, of one instance or of all with a tag."""
        return self.run(self._client.retry_tasks(target, *task_ids, status=status, service=service))

    def retry_workflow_task(self, target: object) -> Done:
        """Have what failed by its own code, or is blocked, run again."""
        return self.run(self._client.retry_workflow_task(target))

    def complete_timers(self, target: object, method: str = "") -> Done:
        """Fire pending timers now."""
        return self.run(self._client.complete_timers(target, method))

    def describe(self, instance: object, timeout: Duration = PATIENCE) -> Description:
        """Return what an instance is and waits for."""
        return self.run(self._client.describe(instance, timeout))

    def members(self, group: object) -> Iterator[TagMember]:
        """Iterate over the instances of what `all` returned."""
        return self.iterate(self._client.members(group))
