"""Stubs of other workflows inside a workflow: typed as them, they turn calls into commands."""

from __future__ import annotations

import dataclasses
from collections.abc import Coroutine, Mapping
from types import CoroutineType
from typing import Any

from leveret.calls import CancelCall, ChildCall, MethodCall, SignalCall, Target
from leveret.deferred import Deferred, refuse_deferreds
from leveret.definition import ChannelDefinition, MethodDefinition, WorkflowDefinition
from leveret.errors import ArgumentMismatch
from leveret.runtime import current
from leveret.source import OperationSource
from leveret.stubs import no_attribute, signal_payload
from leveret.workflow.channel import Channel
from leveret.workflow.stub import Issue, StubMethod, awaitable
from leveret_broker.codec import Payload
from leveret_broker.errors import ConfigurationError
from leveret_broker.ids import check_name


class ChildMethod(StubMethod):
    """A method to start a child with."""

    __slots__ = ("_definition", "_prepared")

    def __init__(self, definition: MethodDefinition, prepared: ChildCall) -> None:
        self._definition = definition
        self._prepared = prepared

    def __str__(self) -> str:
        """Name it, for messages."""
        return f"{self._prepared.plan.workflow}.{self._definition.name}"

    def command(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Issue:
        """Check the arguments, and return what starts the child."""
        signature = self._definition.signature
        refuse_deferreds(signature.name, (*args, *kwargs.values()))
        arguments, result = signature.dump(current().codec, args, kwargs), signature.result
        call = dataclasses.replace(self._prepared, method=self._definition.name, arguments=arguments, result=result)
        return lambda: current().start_child(call)


class NewStub:
    """What `workflow.new` returns at run time."""

    def __init__(self, definition: WorkflowDefinition, prepared: ChildCall) -> None:
        for method in definition.methods.values():
            setattr(self, method.attribute, ChildMethod(method, prepared))
        self._definition = definition

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(no_attribute(self.__dict__.get("_definition"), name, "new()"), name=name, obj=self)

    def __repr__(self) -> str:
        return f"<stub that starts {self._definition.name}>"


class NamedChild:
    """A child by name, without a contract: arguments and results are plain data."""

    def __init__(self, prepared: ChildCall) -> None:
        """Made by `workflow.new` for a name."""
        self._prepared = prepared

    def call(self, method: str, arguments: Mapping[str, Any] | None = None) -> Coroutine[Any, Any, Any]:
        """Start with a method, by its name on the wire, when awaited, and wait for the result."""
        return awaitable(self._issue(method, arguments), f"{self._prepared.plan.workflow}.{method}")

    def dispatch(self, method: str, arguments: Mapping[str, Any] | None = None) -> Deferred[Any]:
        """Start with a method, by its name on the wire, now."""
        return Deferred(OperationSource(self._issue(method, arguments)()))

    def _issue(self, method: str, arguments: Mapping[str, Any] | None) -> Issue:
        payload = plain(f"{self._prepared.plan.workflow}.{check_name('method', method)}", arguments)
        call = dataclasses.replace(self._prepared, method=method, arguments=payload)
        return lambda: current().start_child(call)


class CallMethod(StubMethod):
    """A method of a running instance, or of all with a tag; or a query of one, which may be closed."""

    __slots__ = ("_definition", "_query", "_target")

    def __init__(self, definition: MethodDefinition, target: Target, *, query: bool = False) -> None:
        self._definition = definition
        self._query = query
        self._target = target

    def __str__(self) -> str:
        """Name it, for messages."""
        return f"{self._target.workflow}.{self._definition.name}"

    def __call__(self, *args: Any, **kwargs: Any) -> Coroutine[Any, Any, Any]:
        """Check the arguments and return a coroutine that calls when it is first awaited."""
        refuse_tag(self._target, str(self))
        return super().__call__(*args, **kwargs)

    def command(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Issue:
        """Check the arguments, and return what calls."""
        signature = self._definition.signature
        refuse_deferreds(signature.name, (*args, *kwargs.values()))
        if self._query:
            refuse_tag(self._target, str(self))
        arguments = signature.dump(current().codec, args, kwargs)
        call = MethodCall(self._target, self._definition.name, arguments, signature.result, self._query)
        return lambda: current().call_method(call)


class Inlet(Channel[Any]):
    """The sending side of another instance's channel."""

    def __init__(self, target: Target, definition: ChannelDefinition) -> None:
        super().__init__(buffered=definition.buffered, name=definition.name)
        self._target = target
        self._definition = definition

    def send(self, value: Any, *, message_id: str | None = None) -> CoroutineType[Any, Any, None]:
        """Check the value and return a coroutine that sends it when awaited; it goes out with the turn."""
        what = f"{self._target.workflow}.{self.name}.send"
        refuse_deferreds(what, (value,))
        payload = signal_payload(current().codec, self._target.workflow, self._definition, value)
        return send(SignalCall(self._target, self.name, payload, message_id or ""))  # type: ignore[return-value]


class NamedTarget:
    """Another instance, or all with a tag, by name: values are plain data."""

    def __init__(self, target: Target) -> None:
        """Made by `workflow.get` and `workflow.all` for a name."""
        self.leveret_target = target

    def call(self, method: str, arguments: Mapping[str, Any] | None = None) -> Coroutine[Any, Any, Any]:
        """Call a method, by its name on the wire, when awaited, and wait for the result; not by tag."""
        refuse_tag(self.leveret_target, f"{self.leveret_target.workflow}.{method}")
        return awaitable(self._issue(method, arguments), f"{self.leveret_target.workflow}.{method}")

    def dispatch(self, method: str, arguments: Mapping[str, Any] | None = None) -> Deferred[Any]:
        """Call a method, by its name on the wire, now; by tag in all instances, and the result is `None`."""
        return Deferred(OperationSource(self._issue(method, arguments)()))

    def signal(self, channel: str, value: object, *, message_id: str | None = None) -> Coroutine[Any, Any, None]:
        """Send a signal by the channel's name on the wire, unchecked, when awaited."""
        refuse_deferreds(f"{self.leveret_target.workflow}.{channel}", (value,))
        payload = current().codec.dump(value)
        return send(SignalCall(self.leveret_target, check_name("channel", channel), payload, message_id or ""))

    def cancel(self, reason: str = "", *, force: bool = False) -> Coroutine[Any, Any, None]:
        """Ask to cancel, when awaited; by `force` without its code."""
        return send(CancelCall(self.leveret_target, reason, force))

    def _issue(self, method: str, arguments: Mapping[str, Any] | None) -> Issue:
        payload = plain(f"{self.leveret_target.workflow}.{check_name('method', method)}", arguments)
        call = MethodCall(self.leveret_target, method, payload)
        return lambda: current().call_method(call)


class TargetStub:
    """What `workflow.get` and `workflow.all` return at run time: methods and channels of the workflow."""

    def __init__(self, definition: WorkflowDefinition, target: Target) -> None:
        self.leveret_target = target
        self._definition = definition
        for method in definition.methods.values():
            setattr(self, method.attribute, CallMethod(method, target))
        for query in definition.queries.values():
            setattr(self, query.attribute, CallMethod(query, target, query=True))
        for channel in definition.channels.values():
            setattr(self, channel.attribute or channel.name, Inlet(target, channel))

    def __getattr__(self, name: str) -> Any:
        text = no_attribute(self.__dict__.get("_definition"), name, "get() and all()")
        raise AttributeError(text, name=name, obj=self)

    def __repr__(self) -> str:
        return f"<stub of {self.leveret_target}>"


def target_of(stub: object) -> Target:
    """Return what a stub of `workflow.get` or `all` stands for; raises `ConfigurationError` for anything else."""
    if isinstance(stub, TargetStub | NamedTarget):
        return stub.leveret_target
    raise ConfigurationError(f"{stub!r} is not what workflow.get or workflow.all returned")


def send(call: SignalCall | CancelCall) -> Coroutine[Any, Any, None]:
    """Return a coroutine that sends when it is first awaited; never awaiting it is the method's error."""
    what = f"{call.target.workflow}.{call.channel}.send" if isinstance(call, SignalCall) else f"cancel of {call.target}"
    coroutine = _send(call)
    current().watch(coroutine, what)
    return coroutine


async def _send(call: SignalCall | CancelCall) -> None:
    if isinstance(call, SignalCall):
        current().send_signal(call)
    else:
        current().cancel_target(call)


def refuse_tag(target: Target, what: str) -> None:
    """Raise `ArgumentMismatch` for a call by tag that waits: there is no single result."""
    if target.tag:
        text = f"{what}(): a call by tag has no single result: use workflow.dispatch(...), or get one instance by id"
        raise ArgumentMismatch(text)


def plain(what: str, arguments: Mapping[str, Any] | None) -> Payload:
    """Return the bytes of arguments that no contract checks."""
    given = dict(arguments or {})
    refuse_deferreds(what, given.values())
    return current().codec.dump(given)
