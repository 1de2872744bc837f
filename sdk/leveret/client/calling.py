"""Services called by clients: stubs typed as their contract, and calls by name."""

from __future__ import annotations

import time
from collections.abc import Coroutine, Iterable, Mapping
from typing import Any, TypedDict, Unpack

from leveret.calls import TaskCall
from leveret.client.key import MessageKey
from leveret.client.post import Post, letter
from leveret.client.requests import Expecting
from leveret.client.task_handle import TaskHandle
from leveret.contract import Duration, seconds
from leveret.definition import TaskDefinition
from leveret.errors import ArgumentMismatch
from leveret.interceptors.client import ServiceCall
from leveret.labels import checked_meta, checked_priority, checked_tags
from leveret.service.defining import definition_of
from leveret_broker.address import NORMAL, Priority, ServiceQueue
from leveret_broker.codec import Payload
from leveret_broker.envelope import AskTask, Task
from leveret_broker.errors import ConfigurationError
from leveret_broker.ids import check_id, check_name, new_id


class TaskOptions(TypedDict, total=False):
    """What `Client.service` and `Client.task` take."""

    timeout: Duration | None
    """Of the task, retries and transport included: a timedelta or seconds; none by default."""
    tags: Iterable[str]
    """Given to the task."""
    meta: Mapping[str, str]
    """Given to the task."""
    priority: Priority
    """Of the task, where the service has `priorities=True`: `high`, `normal` or `low`."""
    id: str | None
    """Task id and idempotency key: a second call under it does not run, it gets the same outcome; default: fresh."""


class ServiceCaller:
    """Calls one service with the same options."""

    def __init__(self, post: Post, service: str, options: TaskOptions) -> None:
        """Check the options; raises `ConfigurationError`."""
        unknown = sorted(set(options) - TaskOptions.__optional_keys__)
        if unknown:
            raise ConfigurationError(f"a task does not take {', '.join(unknown)}")
        self.post = post
        self.service = service
        identity = options.get("id")
        self._key = MessageKey(None if identity is None else check_id("the task's id", identity))
        self._timeout = seconds(f"service {service}: timeout", options.get("timeout"))
        self._tags = checked_tags(service, options.get("tags", ()))
        self._meta = checked_meta(service, options.get("meta"))
        self._priority: Priority = checked_priority(service, options.get("priority", NORMAL))

    async def run(self, name: str, arguments: Payload, kind: Any = Any) -> Any:
        """Call and wait for the result."""

        async def act(call: ServiceCall) -> Any:
            handle = self._handle(call)
            with self.post.requests.expect(f"{handle}") as expecting:
                self._send(call, expecting)
                return await handle.wait(expecting)

        return await self.post.around.task(self._call(name, arguments, kind), act, waits=True)

    async def dispatch(self, name: str, arguments: Payload, kind: Any = Any) -> TaskHandle[Any]:
        """Call, and return when the broker holds the call."""

        async def act(call: ServiceCall) -> TaskHandle[Any]:
            handle = self._handle(call)
            expecting = self.post.requests.expect(f"{handle}")
            handle.expect_end(expecting)
            try:
                await self.post.confirmed(self._send(call, expecting))
            except BaseException:
                expecting.__exit__()
                raise
            return handle

        handle: TaskHandle[Any] = await self.post.around.task(self._call(name, arguments, kind), act, waits=False)
        return handle

    def _call(self, name: str, arguments: Payload, kind: Any) -> ServiceCall:
        identity = self._key.take(f"{self.service}.{name}", arguments) or new_id()
        call = TaskCall(self.service, name, arguments, kind, self._timeout, self._tags, self._meta, self._priority)
        return ServiceCall(call, identity)

    def _handle(self, call: ServiceCall) -> TaskHandle[Any]:
        task = call.task
        return TaskHandle(self.post, task.service, task.name, call.task_id, kind=task.result, timeout=task.timeout)

    def _send(self, call: ServiceCall, expecting: Expecting) -> Any:
        """Publish; after a lost connection the outcome is asked for, the call itself the transport sends again."""
        task, queue = call.task, ServiceQueue(call.task.service)
        message = Task(
            task_id=call.task_id,
            service=task.service,
            name=task.name,
            arguments=task.arguments,
            caller=expecting.caller,
            deadline=time.time() + task.timeout if task.timeout else 0.0,
            tags=task.tags,
            meta=dict(task.meta),
            timeout=task.timeout,
            priority=task.priority,
        )
        sent = self.post.publish(message.queue, letter("", message))
        sent.add_done_callback(expecting.sent)
        question = AskTask(call.task_id, expecting.caller)
        expecting.repeat_by(lambda: self.post.publish(queue, letter("", question)))
        return sent


class TaskMethod:
    """A task of a stub: call it and await, or give it to `Client.dispatch`, `get_task` or `complete_task`."""

    def __init__(self, caller: ServiceCaller, definition: TaskDefinition) -> None:
        self._caller = caller
        self._definition = definition
        self.service = caller.service
        self.result: Any = (definition.delegated or definition.signature).result
        """Type expression of what it returns."""

    def __str__(self) -> str:
        return f"{self.service}.{self._definition.name}"

    def __call__(self, *args: Any, **kwargs: Any) -> Coroutine[Any, Any, Any]:
        """Check the arguments, and return what calls and waits for the result."""
        signature = self._definition.signature
        arguments = signature.dump(self._caller.post.codec, args, kwargs)
        return self._caller.run(self._definition.name, arguments, signature.result)

    def dispatch(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Coroutine[Any, Any, TaskHandle[Any]]:
        """Check the arguments, and return what calls."""
        signature = self._definition.signature
        arguments = signature.dump(self._caller.post.codec, args, kwargs)
        return self._caller.dispatch(self._definition.name, arguments, signature.result)

    def handle(self, task_id: str) -> TaskHandle[Any]:
        """Return the handle of a call that was made before."""
        definition, caller = self._definition, self._caller
        return TaskHandle(caller.post, caller.service, definition.name, task_id, kind=definition.signature.result)


class CallStub:
    """What `Client.service` returns at run time."""

    def __init__(self, caller: ServiceCaller, contract: type[Any]) -> None:
        self._definition = definition_of(contract)
        for task in self._definition.tasks.values():
            setattr(self, task.attribute, TaskMethod(caller, task))

    def __getattr__(self, name: str) -> Any:
        definition = self.__dict__.get("_definition")
        known = "" if definition is None else f"; it has {', '.join(definition.tasks)}"
        raise AttributeError(f"the service has no task {name!r}{known}", name=name, obj=self)

    def __repr__(self) -> str:
        return f"<stub that calls service {self._definition.name}>"


class NamedService:
    """A service by name, without a contract: arguments and results are plain data."""

    def __init__(self, caller: ServiceCaller) -> None:
        """Made by `Client.service` for a name."""
        self._caller = caller

    async def call(self, task: str, arguments: Mapping[str, Any] | None = None) -> Any:
        """Run a task, by its name on the wire, and wait for its result; raises as `TaskHandle.result` does."""
        return await self._caller.run(check_name("task", task), self._dump(arguments))

    async def dispatch(self, task: str, arguments: Mapping[str, Any] | None = None) -> TaskHandle[Any]:
        """Run a task, by its name on the wire, and return when the broker holds the call."""
        return await self._caller.dispatch(check_name("task", task), self._dump(arguments))

    def _dump(self, arguments: Mapping[str, Any] | None) -> Payload:
        return self._caller.post.codec.dump(dict(arguments or {}))


def stub(post: Post, service: Any, options: TaskOptions) -> Any:
    """Return what calls a service, given by its contract or its name."""
    if isinstance(service, str):
        return NamedService(ServiceCaller(post, check_name("service", service), options))
    return CallStub(ServiceCaller(post, definition_of(service).name, options), service)


async def call_by_name(
    post: Post, name: str, arguments: Mapping[str, Any] | None, **options: Unpack[TaskOptions]
) -> Any:
    """Run `<Service>.<task>`, and wait for its result."""
    service, function = parted(name)
    named: NamedService = stub(post, service, options)
    return await named.call(function, arguments)


def handle_of(post: Post, task: object, task_id: str) -> TaskHandle[Any]:
    """Return the handle of a task that was called before; `task` is a method of a stub, or `<Service>.<task>`."""
    check_id("the task's id", task_id)
    if isinstance(task, TaskMethod):
        return task.handle(task_id)
    if isinstance(task, str):
        return TaskHandle(post, *parted(task), task_id)
    text = f"get_task takes a method of what Client.service returns, or '<Service>.<task>', not {task!r}"
    raise ConfigurationError(text)


def parted(name: str) -> tuple[str, str]:
    """Return service and task of `<Service>.<task>`; raises `ArgumentMismatch`."""
    service, dot, function = name.rpartition(".")
    if not dot:
        raise ArgumentMismatch(f"task {name!r}: the name is '<Service>.<task>'")
    return check_name("service", service), check_name("task", function)
