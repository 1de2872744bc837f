"""Stubs of services inside workflows: typed as their contract, they turn calls into commands."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine, Iterable, Mapping
from typing import Any, TypeAlias, TypeVar

from leveret.calls import TaskCall
from leveret.contract import Duration, seconds
from leveret.deferred import Deferred, refuse_deferreds
from leveret.definition import TaskDefinition
from leveret.labels import checked_meta, checked_priority, checked_tags
from leveret.runtime import Operation, current
from leveret.service.defining import definition_of
from leveret.source import OperationSource
from leveret_broker.address import NORMAL, Priority
from leveret_broker.codec import Payload

T = TypeVar("T")
Issue: TypeAlias = Callable[[], Operation]
"""Issues a command of the workflow that is being stepped."""
_NO_ARGUMENTS = Payload(b"")


class StubMethod(ABC):
    """A method of a stub: call it and await, or give it to `dispatch`."""

    __slots__ = ()

    @abstractmethod
    def __str__(self) -> str:
        """Name it, for messages."""

    @abstractmethod
    def command(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Issue:
        """Check the arguments, and return what issues the command; raises `ArgumentMismatch`."""

    def __call__(self, *args: Any, **kwargs: Any) -> Coroutine[Any, Any, Any]:
        """Check the arguments and return a coroutine that issues the command when it is first awaited."""
        return awaitable(self.command(args, kwargs), str(self))

    def dispatch(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Deferred[Any]:
        """Issue the command now."""
        return Deferred(OperationSource(self.command(args, kwargs)()))

    def __repr__(self) -> str:
        return f"<{self}>"


class TaskMethod(StubMethod):
    """A task of a stub."""

    __slots__ = ("_definition", "_options", "_service")

    def __init__(self, service: str, definition: TaskDefinition, options: TaskCall) -> None:
        self._service = service
        self._definition = definition
        self._options = options

    def __str__(self) -> str:
        """Name it, for messages."""
        return f"{self._service}.{self._definition.name}"

    def command(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Issue:
        """Check the arguments, and return what issues the task."""
        signature = self._definition.signature
        refuse_deferreds(signature.name, (*args, *kwargs.values()))
        call = TaskCall(
            service=self._service,
            name=self._definition.name,
            arguments=signature.dump(current().codec, args, kwargs),
            result=signature.result,
            timeout=self._options.timeout,
            tags=self._options.tags,
            meta=self._options.meta,
            priority=self._options.priority,
        )
        return lambda: current().run_task(call)


class ServiceStub:
    """What `service()` returns at run time; its attributes are `TaskMethod`s."""

    def __init__(self, contract: Callable[..., Any], options: TaskCall) -> None:
        self._contract = contract
        self._options = options

    def __getattr__(self, name: str) -> TaskMethod:
        if name.startswith("_"):
            raise AttributeError(name)
        definition = definition_of(self._contract)
        for task in definition.tasks.values():
            if task.attribute == name:
                method = TaskMethod(definition.name, task, self._options)
                self.__dict__[name] = method
                return method
        text = f"service {definition.name} has no task {name!r}; it has {', '.join(definition.tasks)}"
        raise AttributeError(text, name=name, obj=self)

    def __repr__(self) -> str:
        return f"<stub of service {definition_of(self._contract).name}>"


def service(
    contract: Callable[..., T],
    *,
    timeout: Duration | None = None,
    tags: Iterable[str] = (),
    meta: Mapping[str, str] | None = None,
    priority: Priority = NORMAL,
) -> T:
    """Return a stub of a service, as a class attribute of a workflow: `hotel = workflow.service(HotelBooking)`.

    Calling one of its methods checks the arguments at once (`ArgumentMismatch`) and runs the task when awaited.

    Arguments:
        contract: a Protocol, an ABC, or the implementing class.
        timeout: of each task, retries and transport included: a timedelta or seconds; none by default.
        tags: given to each task, at most 100.
        meta: given to each task, at most 64 KiB.
        priority: of each task, where the service has `priorities=True`: `high`, `normal` or `low`.
    """
    if not isinstance(contract, type):
        definition_of(contract)
    limit = seconds("the timeout of a service's tasks", timeout)
    name = f"workflow.service({getattr(contract, '__name__', contract)})"
    options = TaskCall(
        "",
        "",
        _NO_ARGUMENTS,
        timeout=limit,
        tags=checked_tags(name, tags),
        meta=checked_meta(name, meta),
        priority=checked_priority(name, priority),
    )
    stub: Any = ServiceStub(contract, options)
    return stub  # type: ignore[no-any-return]


def awaitable(issue: Issue, what: str) -> Coroutine[Any, Any, Any]:
    """Return a coroutine that issues a command when it is first awaited; never awaiting it is the method's error."""
    coroutine = _run(issue)
    current().watch(coroutine, what)
    return coroutine


async def _run(issue: Issue) -> Any:
    return await issue().future
