"""`@workflow.define` and what it finds out about a class."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar, get_type_hints, overload

from leveret.contract import (
    WORKFLOW,
    Duration,
    bases,
    check_decorated,
    is_contract,
    is_protocol,
    mark_of,
    members,
    seconds,
)
from leveret.definition import ChannelDefinition, MethodDefinition, WorkflowDefinition
from leveret.signature import MethodSignature
from leveret.workflow.channel import Channel
from leveret.workflow.querying import MARK
from leveret_broker.errors import ConfigurationError
from leveret_broker.ids import check_name

C = TypeVar("C", bound=type[Any])
F = TypeVar("F", bound=Callable[..., Any])

_DEFINITION = "__leveret_workflow_definition__"
_NAME = "__leveret_name__"


@dataclass(frozen=True, slots=True)
class _Options:
    name: str
    version: int = 1
    timeout: float = 0.0
    check: str = "names"


@overload
def define(cls: C, /) -> C: ...
@overload
def define(
    *, name: str | None = None, version: int = 1, timeout: Duration | None = None, check: str = "names"
) -> Callable[[C], C]: ...


def define(
    cls: Any = None,
    /,
    *,
    name: str | None = None,
    version: int = 1,
    timeout: Duration | None = None,
    check: str = "names",
) -> Any:
    """Make a class a workflow (or, a Protocol or ABC, the contract of one). Its public async methods can be started.

    Arguments:
        cls: the class, when used bare.
        name: on the wire; default: the contract's that it inherits, else the class's own name.
        version: new instances take the highest that a node has, running ones keep theirs.
        timeout: of the whole workflow, a timedelta or seconds; none by default.
        check: what a replay compares: `names` (kind, name and number of each command), or `strict` (arguments too).

    Raises `ConfigurationError` for a class that cannot be a workflow.
    """

    def decorate(cls: C) -> C:
        check_decorated("workflow.define", cls, type)
        if version < 1 or check not in {"names", "strict"}:
            text = f"workflow {cls.__qualname__}: version must be 1 or more, check 'names' or 'strict'"
            raise ConfigurationError(text)
        wire = check_name("workflow", _inherited_name(cls) if name is None else name)
        setattr(cls, WORKFLOW, _Options(wire, version, seconds(f"workflow {wire}: timeout", timeout), check))
        _check(cls)
        _install_channels(cls)
        return cls

    return decorate if cls is None else decorate(cls)


def method(*, name: str) -> Callable[[F], F]:
    """Give a method of a workflow another name on the wire, so that it can be renamed in Python."""
    check_name("method", name)

    def decorate(function: F) -> F:
        setattr(function, _NAME, name)
        return function

    return decorate


def definition_of(cls: Any) -> WorkflowDefinition:
    """Return what is known about a workflow class or its contract.

    Raises `ConfigurationError` for a class that is neither defined nor a contract.
    """
    if not isinstance(cls, type):
        text = f"{cls!r} is not a workflow class: give the class, or a name where a name is taken"
        raise ConfigurationError(text)
    found = vars(cls).get(_DEFINITION)
    if found is None:
        if WORKFLOW not in vars(cls):
            if not is_contract(cls):
                text = f"{cls.__qualname__} is not a workflow: decorate it with @workflow.define"
                raise ConfigurationError(text)
            define(cls)
        found = _read(cls)
        setattr(cls, _DEFINITION, found)
    assert isinstance(found, WorkflowDefinition)
    return found


def _inherited_name(cls: type[Any]) -> str:
    for base in bases(cls)[1:]:
        if is_contract(base):
            options = vars(base).get(WORKFLOW)
            return base.__name__ if options is None else str(options.name)
    return cls.__name__


def _check(cls: type[Any]) -> None:
    found = members(cls)
    if not any(member.is_async for member in found.values()):
        text = f"workflow {cls.__qualname__} has no public async method to start"
        raise ConfigurationError(text)
    if is_contract(cls):
        return
    missing = [name for name, member in found.items() if not member.is_implemented]
    if missing:
        text = f"workflow {cls.__qualname__} does not define {', '.join(missing)} of its contract"
        raise ConfigurationError(text)
    try:
        inspect.signature(cls).bind()
    except TypeError as error:
        text = f"workflow {cls.__qualname__} must be constructible without arguments: {error}"
        raise ConfigurationError(text) from error
    except ValueError:
        pass  # a class without a readable signature takes none


def _install_channels(cls: type[Any]) -> None:
    """Give a class the channels that its contract only annotates."""
    if is_protocol(cls):
        return
    for name in _annotated(cls):
        if not isinstance(getattr(cls, name, None), Channel):
            channel: Channel[Any] = Channel()
            channel.__set_name__(cls, name)
            setattr(cls, name, channel)


def _annotated(cls: type[Any]) -> dict[str, type[Any]]:
    """Return which attributes are annotated as channels, and where."""
    found: dict[str, type[Any]] = {}
    for base in reversed(bases(cls)):
        for name, kind in vars(base).get("__annotations__", {}).items():
            spelled = kind if isinstance(kind, str) else repr(kind)
            if spelled.partition("[")[0].rpartition(".")[2] == "Channel":
                found[name] = base
    return found


def _annotation(owner: type[Any], name: str) -> Any:
    """Return the type of the values of a channel that is annotated in `owner`."""
    alone = type(owner.__name__, (), {"__annotations__": {name: vars(owner)["__annotations__"][name]}})
    alone.__module__ = owner.__module__
    try:
        hint = get_type_hints(alone, include_extras=True)[name]
    except (NameError, TypeError) as error:
        text = f"{owner.__qualname__}.{name}: the channel's annotation cannot be resolved: {error}"
        raise ConfigurationError(text) from error
    arguments = getattr(hint, "__args__", ())
    return arguments[0] if arguments else Any


def _channels(cls: type[Any]) -> dict[str, ChannelDefinition]:
    kinds = {name: _annotation(owner, name) for name, owner in _annotated(cls).items()}
    found = {name: ChannelDefinition(name, kind) for name, kind in kinds.items()}
    for base in reversed(bases(cls)):
        for name, value in vars(base).items():
            if isinstance(value, Channel):
                kind = kinds.get(name, Any) if value.kind is Any else value.kind
                found[name] = ChannelDefinition(value.name, kind, value.buffered, name)
    return {channel.name: channel for channel in found.values()}


def _read(cls: type[Any]) -> WorkflowDefinition:
    options: _Options = vars(cls)[WORKFLOW]
    methods: dict[str, MethodDefinition] = {}
    queries: dict[str, MethodDefinition] = {}
    for name, member in members(cls).items():
        if member.is_async or mark_of(cls, name, MARK):
            wire = mark_of(cls, name, _NAME) or name
            if wire in methods or wire in queries:
                text = f"workflow {options.name}: two methods are called {wire!r} on the wire"
                raise ConfigurationError(text)
            signature = MethodSignature.of(f"{options.name}.{wire}", member.function)
            (methods if member.is_async else queries)[wire] = MethodDefinition(wire, name, signature)
    return WorkflowDefinition(
        name=options.name,
        version=options.version,
        cls=cls,
        methods=methods,
        channels=_channels(cls),
        timeout=options.timeout,
        check=options.check,
        implemented=not is_contract(cls),
        queries=queries,
    )
