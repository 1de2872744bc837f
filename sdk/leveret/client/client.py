"""The client: starts, signals and observes workflows from outside."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Mapping, Sequence
from typing import Any, ParamSpec, Self, TypeVar, Unpack, overload

from leveret.client import publishing
from leveret.client.around import Around
from leveret.client.calling import TaskMethod
from leveret.client.group import Group, TagMember
from leveret.client.handle import Handle
from leveret.client.post import Post
from leveret.client.service_calls import ServiceCalls
from leveret.client.starting import Starter
from leveret.client.stub import CallMethod, FanMethod, NamedStart, NewStub, StartMethod, TargetStub, target_of
from leveret.client.verbs import PATIENCE
from leveret.contract import Duration, seconds
from leveret.definition import WorkflowDefinition
from leveret.interceptors import ClientInterceptor
from leveret.start_options import StartOptions
from leveret.stubs import not_dispatched
from leveret.transports import make_transport
from leveret.url import Url
from leveret.verbs import Names
from leveret.workflow.defining import definition_of
from leveret_broker.codec import PAYLOAD_LIMIT, Codec, make_codec
from leveret_broker.envelope import Description, Done
from leveret_broker.errors import ConfigurationError
from leveret_broker.ids import check_id, check_name
from leveret_broker.payload_codec import PayloadCodecs
from leveret_broker.transport import Transport

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")


class Client(ServiceCalls):
    """A way to the workflows of one namespace; needs the broker only. Use it as `async with Client(url) as client:`.

    Where a workflow is wanted, its class, a contract of it, or its name will do; with a name values are plain data.
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
        """Prepare; nothing is opened yet.

        Arguments:
            url: broker and namespace; default: `LEVERET_URL`, else `sqlite:///leveret.db`.
            transport: used instead of the URL, as it is: somebody else opens and closes it.
            payload_codec: wraps user data at rest and in flight, as that of the nodes does; of several the first one
                writes, all read. A `Codec` brings its own payload limit, other than the URL's.
            connect_timeout: how long to wait for the broker, a timedelta or seconds; None is for ever.
            interceptors: run around all that the client does, the first one outermost; see `leveret.interceptors`.

        Raises `ConfigurationError` for a URL that cannot be used.
        """
        parsed = Url.parse(url) if transport is None else None
        self._owned = make_transport(parsed) if parsed is not None else None
        self._name = str(parsed or type(transport).__name__)
        self._connect_timeout = None if connect_timeout is None else seconds("connect_timeout", connect_timeout)
        chosen = self._owned or transport
        assert chosen is not None
        codec = make_codec(payload_codec, PAYLOAD_LIMIT if parsed is None else parsed.payload_limit)
        self._post = Post(chosen, codec, Around(interceptors))

    def __repr__(self) -> str:
        return f"<Client of {self._name}>"

    async def __aenter__(self) -> Self:
        """Connect; raises `BrokerRefused`, or `BrokerUnavailable` after `connect_timeout`."""
        try:
            if self._owned is not None:
                await self._owned.open(self._connect_timeout)
            await self._post.requests.open()
        except BaseException:
            await self.close()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Disconnect; whoever still waits gets `TransportClosed`. A second time: nothing."""
        try:
            await self._post.requests.close()
        finally:
            if self._owned is not None:
                await self._owned.close()

    @overload
    def new(self, workflow: Callable[..., T], **options: Unpack[StartOptions]) -> T: ...
    @overload
    def new(self, workflow: str, **options: Unpack[StartOptions]) -> NamedStart: ...

    def new(self, workflow: Any, **options: Unpack[StartOptions]) -> Any:
        """Return a stub that starts instances: `await client.new(Booking, id="b1").book(cart)` starts and waits.

        The options are those of `StartOptions`. Calling a method raises `ArgumentMismatch` at once for arguments that
        do not fit; awaiting it raises as `Handle.result` does, and `WorkflowAlreadyStarted` where `fail` was asked for.
        """
        if isinstance(workflow, str):
            return NamedStart(Starter(self._post, check_name("workflow", workflow), options), self._post.codec)
        definition = definition_of(workflow)
        starter = Starter(self._post, definition.name, options, definition.timeout)
        return NewStub(starter, self._post.codec, definition)

    @overload
    def get(self, workflow: Callable[..., T], *, id: str, message_id: str | None = None) -> T: ...
    @overload
    def get(self, workflow: str, *, id: str) -> Handle[Any]: ...

    def get(self, workflow: Any, *, id: str, message_id: str | None = None) -> Any:  # noqa: A002 - as users say it
        """Return a stub of one instance: `await client.get(Booking, id="b1").decisions.send(Decision.yes)`.

        Its methods run beside what runs in the instance: `await client.get(Loyalty, id="u1").add_bonus(200)`.

        `message_id` is the idempotency key of the one call or signal that is sent through the stub: a second one with
        the same key, from wherever, does nothing but get the same result.

        `result`, `cancel`, `describe` and `history` of this client take it. For a name it is a `Handle`, whose methods
        take a `message_id` themselves.
        """
        name, definition = _resolve(workflow, message_id)
        handle: Handle[Any] = Handle(self._post, name, check_id("the instance's id", id), kind=_only_result(definition))
        return handle if definition is None else TargetStub(self._post, handle, definition, message_id)

    @overload
    def all(self, workflow: Callable[..., T], *, tag: str, message_id: str | None = None) -> T: ...
    @overload
    def all(self, workflow: str, *, tag: str) -> Group: ...

    def all(self, workflow: Any, *, tag: str, message_id: str | None = None) -> Any:
        """Return a stub of all instances with a tag: `await client.all(Booking, tag="order:1").decisions.send(...)`.

        `message_id` is as for `get`. `cancel` and `members` of this client take it. For a name it is a `Group`.
        """
        name, definition = _resolve(workflow, message_id)
        group = Group(self._post, name, check_id("the tag", tag))
        return group if definition is None else TargetStub(self._post, group, definition, message_id)

    async def dispatch(
        self, method: Callable[P, Coroutine[Any, Any, R]], /, *args: P.args, **kwargs: P.kwargs
    ) -> Handle[R]:
        """Start or call, and do not wait: `handle = await client.dispatch(client.new(Booking).book, cart)`.

        With a method of what `get` returned, the handle is that of the method; with one of what `all` returned every
        instance runs it, and there is no result to ask for. With one of what `service` returned it is a `TaskHandle`.
        Returns as soon as the broker holds the message; no node need be up, except where `fail` was asked for.
        Raises `ArgumentMismatch`, `WorkflowAlreadyStarted`.
        """
        start: object = method
        if not isinstance(start, StartMethod | CallMethod | FanMethod | TaskMethod):
            wanted = "of what Client.new, Client.get, Client.all or Client.service return"
            raise ConfigurationError(not_dispatched(start, wanted))
        return await start.dispatch(args, kwargs)

    async def publish(
        self,
        routing_key: str,
        body: Mapping[str, Any] | bytes | None = None,
        *,
        message_id: str | None = None,
        headers: Mapping[str, Any] | None = None,
    ) -> str:
        """Publish a command as other applications do: `await client.publish("start.Order", {"arguments": {...}})`.

        Returns its message id, by which a second one has no effect, as soon as the broker holds it. `docs/wire.md` has
        routing keys, bodies and headers. What is wrong with it nobody tells here: it becomes a dead letter. Raises
        `PayloadTooLarge`.
        """
        raw = publishing.command(self._post, routing_key, body, headers, message_id)
        return await publishing.publish(self._post, raw)

    async def request(
        self,
        routing_key: str,
        body: Mapping[str, Any] | bytes | None = None,
        *,
        message_id: str | None = None,
        headers: Mapping[str, Any] | None = None,
        timeout: Duration | None = PATIENCE,  # noqa: ASYNC109
    ) -> dict[str, Any]:
        """Publish a command and wait for its JSON reply, also for a refusal; raises `RequestTimedOut`."""
        raw = publishing.command(self._post, routing_key, body, headers, message_id)
        return await publishing.request(self._post, raw, timeout)

    @overload
    async def result(self, instance: Handle[R], timeout: Duration | None = None) -> R: ...  # noqa: ASYNC109
    @overload
    async def result(self, instance: object, timeout: Duration | None = None) -> Any: ...  # noqa: ASYNC109

    async def result(self, instance: object, timeout: Duration | None = None) -> Any:  # noqa: ASYNC109
        """Wait for the result of what `get` or `dispatch` returned; see `Handle.result`."""
        return await self._handle(instance).result(timeout)

    async def cancel(self, target: object, reason: str = "", *, force: bool = False) -> None:
        """Cancel what `get`, `all` or `dispatch` returned, by `force` without its code.

        Returns when the broker holds the request.
        """
        await target_of(target).cancel(reason, force=force)

    async def cancel_task(self, instance: object, task_id: str, reason: str = "") -> Done:
        """Cancel one task of an instance; see `Handle.cancel_task`."""
        return await self._handle(instance).cancel_task(task_id, reason)

    async def retry_tasks(
        self,
        target: object,
        *task_ids: str,
        status: str | Iterable[str] = (),
        service: Names = (),
        timeout: Duration = PATIENCE,  # noqa: ASYNC109
    ) -> Done:
        """Send tasks that ended without a value again, of one instance or all with a tag; see `Verbs.retry_tasks`."""
        return await target_of(target).retry_tasks(*task_ids, status=status, service=service, timeout=timeout)

    async def retry_workflow_task(self, target: object, timeout: Duration = PATIENCE) -> Done:  # noqa: ASYNC109
        """Have what failed by its own code, or is blocked, run again; see `Verbs.retry_workflow_task`."""
        return await target_of(target).retry_workflow_task(timeout)

    async def complete_timers(self, target: object, method: str = "", timeout: Duration = PATIENCE) -> Done:  # noqa: ASYNC109
        """Fire pending timers now; see `Verbs.complete_timers`."""
        return await target_of(target).complete_timers(method, timeout)

    async def describe(self, instance: object, timeout: Duration = PATIENCE) -> Description:  # noqa: ASYNC109
        """Return what an instance is and waits for; see `Handle.describe`."""
        return await self._handle(instance).describe(timeout)

    def history(self, instance: object, after: int = 0) -> AsyncIterator[bytes]:
        """Iterate over the encoded journal records of an instance; see `Handle.history`."""
        return self._handle(instance).history(after)

    def members(self, group: object) -> AsyncIterator[TagMember]:
        """Iterate over the instances of what `all` returned, in the order in which they joined."""
        target = target_of(group)
        if not isinstance(target, Group):
            raise ConfigurationError(f"{target} has no members: use Client.all(..., tag=...)")
        return target.members()

    @staticmethod
    def _handle(instance: object) -> Handle[Any]:
        target = target_of(instance)
        if not isinstance(target, Handle):
            raise ConfigurationError(f"{target}: this works for one instance only: use Client.get(..., id=...)")
        return target


def _resolve(workflow: Any, message_id: str | None) -> tuple[str, WorkflowDefinition | None]:
    if isinstance(workflow, str):
        if message_id is not None:
            raise ConfigurationError(f"{workflow}: by name, give message_id to call(), dispatch() or signal() itself")
        return check_name("workflow", workflow), None
    definition = definition_of(workflow)
    return definition.name, definition


def _only_result(definition: WorkflowDefinition | None) -> Any:
    """Return the type of the result, when the workflow has a single method."""
    if definition is None or len(definition.methods) != 1:
        return Any
    return next(iter(definition.methods.values())).signature.result
