"""Stubs of services inside workflows: typed as their contract, they turn calls into commands."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable, Mapping
from typing import Any, TypeVar

from leveret.contract import Duration, seconds
from leveret.deferred import Deferred, refuse_deferreds
from leveret.definition import TaskDefinition
from leveret.runtime import TaskCall, current
from leveret.service.defining import definition_of
from leveret.source import OperationSource
from leveret_broker.codec import Payload

T = TypeVar("T")
_NO_ARGUMENTS = Payload(b"")


class StubMethod:
    """A task of a stub: call it and await, or give it to `dispatch`."""

    __slots__ = ("_definition", "_options", "_service")

    def __init__(self, service: str, definition: TaskDefinition, options: TaskCall) -> None:
        self._service = service
        self._definition = definition
        self._options = options

    def __call__(self, *args: Any, **kwargs: Any) -> Coroutine[Any, Any, Any]:
        """Check the arguments and return a coroutine that issues the task when it is first awaited."""
        runtime = current()
        call = self.call(args, kwargs)
        coroutine = _run(call)
        runtime.watch(coroutine, f"{self._service}.{self._definition.name}")
        return coroutine

    def dispatch(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Deferred[Any]:
        """Issue the task now."""
        return Deferred(OperationSource(current().run_task(self.call(args, kwargs))))

    def call(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> TaskCall:
        """Return the task with its arguments encoded; raises `ArgumentMismatch`."""
        signature = self._definition.signature
        refuse_deferreds(signature.name, (*args, *kwargs.values()))
        return TaskCall(
            service=self._service,
            name=self._definition.name,
            arguments=signature.dump(current().codec, args, kwargs),
            result=signature.result,
            timeout=self._options.timeout,
            tags=self._options.tags,
            meta=self._options.meta,
        )

    def __repr__(self) -> str:
        return f"<task {self._service}.{self._definition.name}>"


class ServiceStub:
    """What `service()` returns at run time; its attributes are `StubMethod`s."""

    def __init__(self, contract: Callable[..., Any], options: TaskCall) -> None:
        self._contract = contract
        self._options = options

    def __getattr__(self, name: str) -> StubMethod:
        if name.startswith("_"):
            raise AttributeError(name)
        definition = definition_of(self._contract)
        for task in definition.tasks.values():
            if task.attribute == name:
                method = StubMethod(definition.name, task, self._options)
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
) -> T:
    """Return a stub of a service, as a class attribute of a workflow: `hotel = workflow.service(HotelBooking)`.

    Calling one of its methods checks the arguments at once (`ArgumentMismatch`) and runs the task when awaited.

    Arguments:
        contract: a Protocol, an ABC, or the implementing class.
        timeout: of each task, retries and transport included: a timedelta or seconds; none by default.
        tags: given to each task.
        meta: given to each task.
    """
    if not isinstance(contract, type):
        definition_of(contract)
    limit = seconds("the timeout of a service's tasks", timeout)
    options = TaskCall("", "", _NO_ARGUMENTS, timeout=limit, tags=tuple(sorted(tags)), meta=dict(meta or {}))
    stub: Any = ServiceStub(contract, options)
    return stub  # type: ignore[no-any-return]


async def _run(call: TaskCall) -> Any:
    return await current().run_task(call).future
