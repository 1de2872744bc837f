"""`@service.define` and what it finds out about a contract or a service class."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar, overload

from leveret.contract import (
    Duration,
    Member,
    bases,
    check_decorated,
    is_contract,
    mark_of,
    members,
    seconds,
    seconds_or_zero,
)
from leveret.definition import ServiceDefinition, TaskDefinition
from leveret.per_key import PerKey
from leveret.rate import Rate, rate_of
from leveret.retry import RetryPolicy
from leveret.service.batching import BatchSignature
from leveret.service.marking import MARK, TaskMark
from leveret.signature import MethodSignature
from leveret_broker.errors import ConfigurationError
from leveret_broker.ids import check_name

C = TypeVar("C", bound=type[Any])

_OPTIONS = "__leveret_service__"
_DEFINITION = "__leveret_service_definition__"


@dataclass(frozen=True, slots=True)
class _Options:
    name: str
    retry: RetryPolicy | None = None
    timeout: float = 0.0
    grace: float | None = None
    concurrency: int = 0
    rate: Rate | None = None
    priorities: bool = False
    per_key: PerKey | None = None


@overload
def define(cls: C, /) -> C: ...
@overload
def define(
    *,
    name: str | None = None,
    retry: RetryPolicy | None = None,
    timeout: Duration | None = None,
    grace: Duration | None = None,
    concurrency: int = 0,
    rate: float | Rate | None = None,
    priorities: bool = False,
    per_key: PerKey | None = None,
) -> Callable[[C], C]: ...


def define(
    cls: Any = None,
    /,
    *,
    name: str | None = None,
    retry: RetryPolicy | None = None,
    timeout: Duration | None = None,
    grace: Duration | None = None,
    concurrency: int = 0,
    rate: float | Rate | None = None,
    priorities: bool = False,
    per_key: PerKey | None = None,
) -> Any:
    """Make a class a service, or (a Protocol or ABC) the contract of one. Optional: it only carries what differs.

    Arguments:
        cls: the class, when used bare.
        name: on the wire; default: the contract's that it inherits, else the class's own name.
        retry: policy of tasks that have none of their own; none is no retry.
        timeout: of one attempt, a timedelta or seconds, for tasks that have none of their own; none by default.
        grace: how long functions that are told to stop may take to end, for tasks that have none of their own; 5 s by
            default.
        concurrency: most tasks at once in one node; 0 is the node's default.
        rate: most attempts that begin in a second, over all nodes, or a `service.Rate`; no limit by default. A batch
            counts once.
        priorities: have a queue each for tasks of `high`, `normal` and `low` priority; else all wait in one.
        per_key: limits for tasks that have something in common, a `service.PerKey`; not for batches.

    Raises `ConfigurationError` for an unusable name or number.
    """

    def decorate(cls: C) -> C:
        check_decorated("service.define", cls, type)
        if concurrency < 0:
            text = f"service {cls.__qualname__}: concurrency must be 0 or more"
            raise ConfigurationError(text)
        wire = check_name("service", _inherited_name(cls) if name is None else name)
        limit = seconds(f"service {wire}: timeout", timeout)
        patience = None if grace is None else seconds_or_zero(f"service {wire}: grace", grace)
        setattr(cls, _OPTIONS, _Options(wire, retry, limit, patience, concurrency, rate_of(rate), priorities, per_key))
        return cls

    return decorate if cls is None else decorate(cls)


def definition_of(cls: Any) -> ServiceDefinition:
    """Return what is known about a service class or contract.

    Raises `ConfigurationError` for one without tasks, or with a sync function that is not marked.
    """
    if not isinstance(cls, type):
        text = f"{cls!r} is not a service class: give the class, or its contract; by name there is workflow.task()"
        raise ConfigurationError(text)
    found = vars(cls).get(_DEFINITION)
    if found is None:
        found = _read(cls)
        setattr(cls, _DEFINITION, found)
    assert isinstance(found, ServiceDefinition)
    return found


def contract_of(cls: type[Any]) -> type[Any]:
    """Return the class that says which tasks a service has: the contract it inherits, else the class itself."""
    if is_contract(cls):
        return cls
    found: list[type[Any]] = []
    for base in bases(cls)[1:]:
        if is_contract(base) and not any(base in other.__mro__ for other in found):
            found.append(base)
    if len(found) > 1:
        names = " and ".join(base.__qualname__ for base in found)
        text = f"service {cls.__qualname__} has two contracts, {names}: make it two classes"
        raise ConfigurationError(text)
    return found[0] if found else cls


def _inherited_name(cls: type[Any]) -> str:
    contract = contract_of(cls)
    options = vars(contract).get(_OPTIONS)
    return contract.__name__ if options is None else str(options.name)


def _read(cls: type[Any]) -> ServiceDefinition:
    options: _Options | None = vars(cls).get(_OPTIONS)
    if options is None:
        options = _Options(check_name("service", _inherited_name(cls)))
    contract = contract_of(cls)
    implementation = members(cls)
    tasks: dict[str, TaskDefinition] = {}
    for attribute, declared in members(contract).items():
        member = implementation.get(attribute, declared)
        task = _task(cls, options, member, declared)
        if task.name in tasks:
            text = f"service {options.name}: two tasks are called {task.name!r} on the wire"
            raise ConfigurationError(text)
        tasks[task.name] = task
    if not tasks:
        text = f"service {cls.__qualname__} has no task: it needs an async method or one marked with @service.task"
        raise ConfigurationError(text)
    return ServiceDefinition(
        name=options.name,
        cls=cls,
        tasks=tasks,
        concurrency=options.concurrency,
        rate=options.rate,
        priorities=options.priorities,
        per_key=options.per_key,
        implemented=not is_contract(cls),
    )


def _task(cls: type[Any], options: _Options, member: Member, declared: Member) -> TaskDefinition:
    mark = getattr(member.function, MARK, None) or TaskMark()
    if not member.is_async and not hasattr(member.function, MARK):
        text = (
            f"{cls.__qualname__}.{member.attribute} is not async: mark it with @service.task, and it runs in a thread"
        )
        raise ConfigurationError(text)
    if member.is_async and mark.process:
        text = f"{cls.__qualname__}.{member.attribute} is async: only a sync function can run in a process"
        raise ConfigurationError(text)
    named = mark.name or next(
        (found.name for base in bases(cls) if (found := mark_of(base, member.attribute, MARK)) and found.name), ""
    )
    wire = named or member.attribute
    return TaskDefinition(
        name=wire,
        attribute=member.attribute,
        signature=(BatchSignature if mark.batching else MethodSignature).of(f"{options.name}.{wire}", member.function),
        retry=mark.retry if mark.retry is not None else options.retry,
        timeout=mark.timeout or options.timeout,
        grace=options.grace if mark.grace is None else mark.grace,
        sync=not (member.is_async or mark.process),
        process=mark.process,
        batching=mark.batching,
        heartbeat=mark.heartbeat,
        delegated=MethodSignature.of(f"{options.name}.{wire}", declared.function) if mark.delegated else None,
    )
