"""Stubs outside workflows: typed as the workflow, they start instances and send signals."""

from __future__ import annotations

from collections.abc import Coroutine, Mapping
from typing import Any, TypeGuard

from leveret.client.group import Group
from leveret.client.handle import Handle
from leveret.client.key import MessageKey
from leveret.client.post import Post
from leveret.client.starting import Starter
from leveret.definition import ChannelDefinition, MethodDefinition, WorkflowDefinition
from leveret.stubs import no_attribute, signal_payload
from leveret.workflow.channel import Channel
from leveret_broker.codec import Codec
from leveret_broker.errors import ConfigurationError


class StartMethod:
    """A method of a workflow to start with: call it and await, or give it to `Client.dispatch`."""

    def __init__(self, starter: Starter, codec: Codec, definition: MethodDefinition) -> None:
        self._starter = starter
        self._codec = codec
        self._definition = definition

    def __call__(self, *args: Any, **kwargs: Any) -> Coroutine[Any, Any, Any]:
        """Check the arguments, and return what starts and waits for the result."""
        signature = self._definition.signature
        return self._starter.run(self._definition.name, signature.dump(self._codec, args, kwargs), signature.result)

    def dispatch(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Coroutine[Any, Any, Handle[Any]]:
        """Check the arguments, and return what starts."""
        signature = self._definition.signature
        arguments = signature.dump(self._codec, args, kwargs)
        return self._starter.dispatch(self._definition.name, arguments, signature.result)


class CallMethod:
    """A method to run on a running instance: call it and await, or give it to `Client.dispatch`."""

    def __init__(self, handle: Handle[Any], codec: Codec, definition: MethodDefinition, key: MessageKey) -> None:
        self._handle = handle
        self._codec = codec
        self._definition = definition
        self._key = key

    def __call__(self, *args: Any, **kwargs: Any) -> Coroutine[Any, Any, Any]:
        """Check the arguments, and return what calls and waits for the result."""
        signature = self._definition.signature
        arguments = signature.dump(self._codec, args, kwargs)
        message_id = self._key.take(signature.name, arguments)
        return self._handle.run_call(self._definition.name, arguments, signature.result, message_id)

    def dispatch(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Coroutine[Any, Any, Handle[Any]]:
        """Check the arguments, and return what calls."""
        signature = self._definition.signature
        arguments = signature.dump(self._codec, args, kwargs)
        message_id = self._key.take(signature.name, arguments)
        return self._handle.post_call(self._definition.name, arguments, signature.result, message_id)


class QueryMethod:
    """A read-only method to ask of one instance: call it and await."""

    def __init__(self, target: Handle[Any] | Group, codec: Codec, definition: MethodDefinition) -> None:
        self._target = target
        self._codec = codec
        self._definition = definition

    def __call__(self, *args: Any, **kwargs: Any) -> Coroutine[Any, Any, Any]:
        """Check the arguments, and return what asks."""
        signature, target = self._definition.signature, self._target
        if not isinstance(target, Handle):
            raise ConfigurationError(f"{signature.name}() of {target}: a query asks one instance, use Client.get(...)")
        arguments = signature.dump(self._codec, args, kwargs)
        return target.run_query(self._definition.name, arguments, signature.result)


class FanMethod:
    """A method to run on all instances with a tag: only to be given to `Client.dispatch`."""

    def __init__(self, group: Group, codec: Codec, definition: MethodDefinition, key: MessageKey) -> None:
        self._group = group
        self._codec = codec
        self._definition = definition
        self._key = key

    def __call__(self, *_: Any, **__: Any) -> Coroutine[Any, Any, Any]:
        """Refuse: many instances give no single result."""
        name = f"{self._group.workflow}.{self._definition.name}"
        raise ConfigurationError(
            f"{name}() of all instances with tag {self._group.tag!r} has no single result to wait for: use "
            f"client.dispatch(client.all(..., tag=...).{self._definition.attribute}, ...)"
        )

    def dispatch(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Coroutine[Any, Any, Any]:
        """Check the arguments, and return what calls."""
        signature = self._definition.signature
        arguments = signature.dump(self._codec, args, kwargs)
        return self._group.post_call(self._definition.name, arguments, self._key.take(signature.name, arguments))


class NamedStart:
    """A start by name, without a contract: arguments and results are plain data."""

    def __init__(self, starter: Starter, codec: Codec) -> None:
        """Made by `Client.new` for a name."""
        self._starter = starter
        self._codec = codec

    async def call(self, method: str, arguments: Mapping[str, Any] | None = None) -> Any:
        """Start with a method, by its name on the wire, and wait for the result; raises as `Handle.result` does."""
        return await self._starter.run(method, self._codec.dump(dict(arguments or {})), Any)

    async def dispatch(self, method: str, arguments: Mapping[str, Any] | None = None) -> Handle[Any]:
        """Start with a method, by its name on the wire, and return when the broker holds the start."""
        return await self._starter.dispatch(method, self._codec.dump(dict(arguments or {})), Any)


class Inlet(Channel[Any]):
    """The sending side of a channel."""

    def __init__(self, post: Post, target: Handle[Any] | Group, definition: ChannelDefinition, key: MessageKey) -> None:
        super().__init__(buffered=definition.buffered, name=definition.name)
        self._key = key
        self._post = post
        self._target = target
        self._definition = definition

    async def send(self, value: Any, *, message_id: str | None = None) -> None:
        """Send a signal; returns when the broker holds it.

        A second one with the same `message_id` is dropped. Raises `ArgumentMismatch` for a value of another type.
        """
        payload = signal_payload(self._post.codec, self._target.workflow, self._definition, value)
        if message_id is None:
            message_id = self._key.take(f"{self._target.workflow}.{self.name}.send", payload)
        await self._target.post_signal(self.name, payload, message_id)


class NewStub:
    """What `Client.new` returns at run time."""

    def __init__(self, starter: Starter, codec: Codec, definition: WorkflowDefinition) -> None:
        for method in definition.methods.values():
            setattr(self, method.attribute, StartMethod(starter, codec, method))
        self._definition = definition

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(no_attribute(self.__dict__.get("_definition"), name, "new()"), name=name, obj=self)

    def __repr__(self) -> str:
        return f"<stub that starts {self._definition.name}>"


class TargetStub:
    """What `Client.get` and `Client.all` return at run time: methods, channels, and the verbs of the target."""

    def __init__(
        self, post: Post, target: Handle[Any] | Group, definition: WorkflowDefinition, message_id: str | None = None
    ) -> None:
        key = MessageKey(message_id)
        self.leveret_target = target
        self._definition = definition
        for channel in definition.channels.values():
            setattr(self, channel.attribute or channel.name, Inlet(post, target, channel, key))
        for method in definition.methods.values():
            setattr(self, method.attribute, _method(post, target, method, key))
        for query in definition.queries.values():
            setattr(self, query.attribute, QueryMethod(target, post.codec, query))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        if hasattr(self.leveret_target, name):
            return getattr(self.leveret_target, name)
        raise AttributeError(no_attribute(self._definition, name, "get() and all()"), name=name, obj=self)


def _method(
    post: Post, target: Handle[Any] | Group, method: MethodDefinition, key: MessageKey
) -> CallMethod | FanMethod:
    if isinstance(target, Handle):
        return CallMethod(target, post.codec, method, key)
    return FanMethod(target, post.codec, method, key)


def target_of(stub: object) -> Handle[Any] | Group:
    """Return what a stub of `get` or `all` stands for; raises `ConfigurationError` for anything else."""
    target: Any = stub.leveret_target if isinstance(stub, TargetStub) else stub
    if _is_target(target):
        return target
    raise ConfigurationError(f"{stub!r} is not what Client.get, Client.all or Client.dispatch returned")


def _is_target(value: object) -> TypeGuard[Handle[Any] | Group]:
    return isinstance(value, Handle | Group)
