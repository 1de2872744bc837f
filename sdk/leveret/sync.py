"""The client for code without an event loop: Django, scripts, threads."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator, Mapping, Sequence
from typing import Any, Generic, ParamSpec, Self, TypeVar, Unpack, overload

from leveret import client as asynchronous
from leveret.client import Group, NamedService, NamedStart, StartOptions, TagMember, TaskOptions
from leveret.client.shared import of_node
from leveret.client.task_group import TaskGroup
from leveret.client.verbs import PATIENCE
from leveret.contract import Duration
from leveret.interceptors import ClientInterceptor
from leveret.loop_thread import LoopThread, refuse_on_a_loop
from leveret.verbs import Names
from leveret_broker.codec import Codec
from leveret_broker.envelope import Description, Done
from leveret_broker.errors import LeveretError, TransportClosed
from leveret_broker.payload_codec import PayloadCodecs
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

    @property
    def leveret_target(self) -> asynchronous.Handle[R]:
        """What the asynchronous client takes."""
        return self._handle

    def result(self, timeout: Duration | None = None) -> R:
        """Wait for the result; raises as the asynchronous one does."""
        return self._client.run(self._handle.result(timeout))

    def signal(self, channel: str, value: object, *, message_id: str | None = None) -> None:
        """Send a signal by the channel's name on the wire, unchecked."""
        self._client.run(self._handle.signal(channel, value, message_id=message_id))

    def call(self, method: str, arguments: Mapping[str, Any] | None = None, *, message_id: str | None = None) -> Any:
        """Run a method of the running instance, by its name on the wire, and wait for its result."""
        return self._client.run(self._handle.call(method, arguments, message_id=message_id))

    def dispatch(
        self, method: str, arguments: Mapping[str, Any] | None = None, *, message_id: str | None = None
    ) -> Handle[Any]:
        """Run a method of the running instance, by its name on the wire, and return its handle."""
        return Handle(self._client, self._client.run(self._handle.dispatch(method, arguments, message_id=message_id)))

    def query(self, method: str, arguments: Mapping[str, Any] | None = None) -> Any:
        """Return what a read-only method says, by its name on the wire."""
        return self._client.run(self._handle.query(method, arguments))

    def cancel(self, reason: str = "", *, force: bool = False) -> None:
        """Ask the instance to cancel."""
        self._client.run(self._handle.cancel(reason, force=force))

    def cancel_task(self, task_id: str, reason: str = "") -> Done:
        """Cancel one task by its id; the others go on."""
        return self._client.run(self._handle.cancel_task(task_id, reason))

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

    Where there is no `with` for the life of a process, `open` and `close` do the same. A process may end without
    `close`: what has returned is at the broker. An open client does not live through a fork; one that is made before
    and opened in each process does: `client = Client()` in the module, `client.open().dispatch(...)` in the functions.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        transport: Transport | None = None,
        payload_codec: Codec | PayloadCodecs = None,
        connect_timeout: Duration | None = 30.0,
        interceptors: Sequence[ClientInterceptor] = (),
    ) -> None:
        """Prepare; takes what `leveret.Client` takes. Interceptors run on the client's own event loop."""
        self._client = asynchronous.Client(
            url,
            transport=transport,
            payload_codec=payload_codec,
            connect_timeout=connect_timeout,
            interceptors=interceptors,
        )
        self._thread: LoopThread | None = None
        self._opening = threading.Lock()

    def __enter__(self) -> Self:
        """Start the thread and connect, as `open` does."""
        return self.open()

    def open(self) -> Self:
        """Start the thread and connect; when it is open already: nothing. All threads of a process share it.

        Raises `BrokerRefused`, `BrokerUnavailable`, and `ConfigurationError` in async functions, as everything that
        blocks does.
        """
        refuse_on_a_loop("leveret.sync.Client", "leveret.Client")
        with self._opening:
            if self._thread is None:
                self._thread = LoopThread(self._client, "leveret client")
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Disconnect and end the thread; a second time: nothing."""
        with self._opening:
            thread, self._thread = self._thread, None
        if thread is not None:
            thread.close()

    def run(self, call: Coroutine[Any, Any, R]) -> R:
        """Wait for anything that is awaitable on the asynchronous side: `client.run(booking.book(cart))`."""
        thread = self._thread
        try:
            refuse_on_a_loop("leveret.sync.Client", "leveret.Client")
            if thread is None:
                raise TransportClosed("the client is not open: use `with Client(...) as client:`")
        except LeveretError:
            call.close()
            raise
        return thread.run(call)

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
    def get(self, workflow: Callable[..., T], *, id: str, message_id: str | None = None) -> T: ...
    @overload
    def get(self, workflow: str, *, id: str) -> Handle[Any]: ...

    def get(self, workflow: Any, *, id: str, message_id: str | None = None) -> Any:  # noqa: A002 - as users say it
        """Return a stub of one instance: `client.run(client.get(Booking, id="b1").decisions.send(Decision.yes))`."""
        found: Any = self._client.get(workflow, id=id, message_id=message_id)
        return Handle(self, found) if isinstance(workflow, str) else found

    @overload
    def all(self, workflow: Callable[..., T], *, tag: str, message_id: str | None = None) -> T: ...
    @overload
    def all(self, workflow: str, *, tag: str) -> Group: ...

    def all(self, workflow: Any, *, tag: str, message_id: str | None = None) -> Any:
        """Return a stub of all instances with a tag; what its channels return goes through `run`."""
        return self._client.all(workflow, tag=tag, message_id=message_id)

    @overload
    def service(self, contract: Callable[..., T], **options: Unpack[TaskOptions]) -> T: ...
    @overload
    def service(self, contract: str, **options: Unpack[TaskOptions]) -> NamedService: ...

    def service(self, contract: Any, **options: Unpack[TaskOptions]) -> Any:
        """Return a stub that calls a service without a workflow; what it returns goes through `run` or `dispatch`."""
        return self._client.service(contract, **options)

    def task(self, name: str, arguments: Mapping[str, Any] | None = None, **options: Unpack[TaskOptions]) -> Any:
        """Run a task by name, without a contract, and wait for its result."""
        return self.run(self._client.task(name, arguments, **options))

    @overload
    def get_task(self, task: Callable[..., Coroutine[Any, Any, R]], *, id: str) -> Handle[R]: ...
    @overload
    def get_task(self, task: str, *, id: str) -> Handle[Any]: ...

    def get_task(self, task: Any, *, id: str) -> Handle[Any]:  # noqa: A002 - as users say it
        """Return the handle of a task that some client called."""
        return Handle(self, self._client.get_task(task, id=id))

    def dispatch(self, method: Callable[P, Coroutine[Any, Any, R]], /, *args: P.args, **kwargs: P.kwargs) -> Handle[R]:
        """Start and do not wait for the result."""
        return Handle(self, self.run(self._client.dispatch(method, *args, **kwargs)))

    def publish(
        self,
        routing_key: str,
        body: Mapping[str, Any] | bytes | None = None,
        *,
        message_id: str | None = None,
        headers: Mapping[str, Any] | None = None,
    ) -> str:
        """Publish a command as other applications do, and return its message id."""
        return self.run(self._client.publish(routing_key, body, message_id=message_id, headers=headers))

    def request(
        self,
        routing_key: str,
        body: Mapping[str, Any] | bytes | None = None,
        *,
        message_id: str | None = None,
        headers: Mapping[str, Any] | None = None,
        timeout: Duration | None = PATIENCE,
    ) -> dict[str, Any]:
        """Publish a command and wait for its JSON reply."""
        asking = self._client.request(routing_key, body, message_id=message_id, headers=headers, timeout=timeout)
        return self.run(asking)

    @overload
    def result(self, instance: Handle[R], timeout: Duration | None = None) -> R: ...
    @overload
    def result(self, instance: object, timeout: Duration | None = None) -> Any: ...

    def result(self, instance: object, timeout: Duration | None = None) -> Any:
        """Wait for the result of what `get` or `dispatch` returned."""
        return self.run(self._client.result(_target(instance), timeout))

    def cancel(self, target: object, reason: str = "", *, force: bool = False) -> None:
        """Cancel what `get`, `all` or `dispatch` returned."""
        self.run(self._client.cancel(_target(target), reason, force=force))

    def cancel_task(self, instance: object, task_id: str, reason: str = "") -> Done:
        """Cancel one task of an instance by its id."""
        return self.run(self._client.cancel_task(_target(instance), task_id, reason))

    def tasks(self, service: str | type[Any], *, tag: str) -> TaskGroup:
        """Return all tasks of a service that carry a tag; what its verbs return goes through `run`."""
        return self._client.tasks(service, tag=tag)

    @overload
    def complete_task(
        self,
        task: Callable[..., Coroutine[Any, Any, R]],
        task_id: str,
        result: R,
        *,
        sequence: int | None = None,
    ) -> Done: ...
    @overload
    def complete_task(
        self, task: str | type[Any], task_id: str, result: object = None, *, sequence: int | None = None
    ) -> Done: ...

    def complete_task(self, task: Any, task_id: str, result: object = None, *, sequence: int | None = None) -> Done:
        """End a delegated task with its result."""
        return self.run(self._client.complete_task(task, task_id, result, sequence=sequence))

    def fail_task(
        self,
        task: str | Callable[..., Any],
        task_id: str,
        error: BaseException | str,
        *,
        retry: bool = False,
        sequence: int | None = None,
    ) -> Done:
        """End a delegated task with a failure, or have its policy decide."""
        return self.run(self._client.fail_task(task, task_id, error, retry=retry, sequence=sequence))

    def pause_service(self, service: str | type[Any]) -> Done:
        """Have all nodes begin no task of a service any more, until it is resumed."""
        return self.run(self._client.pause_service(service))

    def resume_service(self, service: str | type[Any]) -> Done:
        """Have the nodes go on with a service that is paused."""
        return self.run(self._client.resume_service(service))

    def retry_tasks(
        self, target: object, *task_ids: str, status: str | Iterable[str] = (), service: Names = ()
    ) -> Done:
        """Send tasks that ended without a value again, of one instance or of all with a tag."""
        return self.run(self._client.retry_tasks(_target(target), *task_ids, status=status, service=service))

    def retry_workflow_task(self, target: object) -> Done:
        """Have what failed by its own code, or is blocked, run again."""
        return self.run(self._client.retry_workflow_task(_target(target)))

    def complete_timers(self, target: object, method: str = "") -> Done:
        """Fire pending timers now."""
        return self.run(self._client.complete_timers(_target(target), method))

    def describe(self, instance: object, timeout: Duration = PATIENCE) -> Description:
        """Return what an instance is and waits for."""
        return self.run(self._client.describe(_target(instance), timeout))

    def history(self, instance: object, after: int = 0) -> Iterator[bytes]:
        """Iterate over the encoded journal records of an instance."""
        return self.iterate(self._client.history(_target(instance), after))

    def members(self, group: object) -> Iterator[TagMember]:
        """Iterate over the instances of what `all` returned."""
        return self.iterate(self._client.members(group))


class _OfNode(Client):
    """The client of a node, for its functions in threads; the node opens and closes it."""

    def __init__(self, client: asynchronous.Client, loop: asyncio.AbstractEventLoop) -> None:
        self._client = client
        self._loop = loop

    def open(self) -> Self:
        """Do nothing: the node has opened it."""
        return self

    def close(self) -> None:
        """Do nothing: others use it as well."""

    def run(self, call: Coroutine[Any, Any, R]) -> R:
        """Wait for anything that is awaitable on the asynchronous side."""
        return asyncio.run_coroutine_threadsafe(call, self._loop).result()


def current_client() -> Client:
    """Return the client of the node that runs this task, in a sync function: nobody has to open or close it.

    Raises `NotInTask` outside of a node's services, `BrokerUnavailable` when there is no broker, and
    `ConfigurationError` in async functions, where it would block: there it is `await leveret.client.current_client()`.
    """
    shared = of_node()
    refuse_on_a_loop("leveret.sync.current_client()", "`await leveret.client.current_client()`")
    return _OfNode(asyncio.run_coroutine_threadsafe(shared.get(), shared.loop).result(), shared.loop)


def _target(target: object) -> object:
    """Return what the asynchronous client takes for a handle of this one, or for a stub."""
    return getattr(target, "leveret_target", target)
