"""What a client does with services: calls them, ends delegated tasks, pauses them."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from typing import Any, TypeVar, Unpack, overload

from leveret.client import calling, delegates, pausing
from leveret.client.calling import NamedService, TaskOptions
from leveret.client.post import Post
from leveret.client.task_group import TaskGroup
from leveret.client.task_handle import TaskHandle
from leveret.client.verbs import PATIENCE
from leveret.contract import Duration
from leveret_broker.envelope import Done

R = TypeVar("R")
T = TypeVar("T")


class ServiceCalls:
    """The part of a `Client` that is about services."""

    _post: Post

    @overload
    def service(self, contract: Callable[..., T], **options: Unpack[TaskOptions]) -> T: ...
    @overload
    def service(self, contract: str, **options: Unpack[TaskOptions]) -> NamedService: ...

    def service(self, contract: Any, **options: Unpack[TaskOptions]) -> Any:
        """Return a stub that calls a service without a workflow: `await client.service(HotelBooking).book(cart)`.

        The task is retried, kept and counted as a workflow's is; it goes on when this client dies, and `get_task` finds
        it again by its id. The options are those of `TaskOptions`. Calling a method raises `ArgumentMismatch` at once
        for arguments that do not fit; awaiting it raises as `TaskHandle.result` does.
        """
        return calling.stub(self._post, contract, options)

    async def task(self, name: str, arguments: Mapping[str, Any] | None = None, **options: Unpack[TaskOptions]) -> Any:
        """Run a task by name, without a contract, and wait: `await client.task("Hotel.book", {"cart": cart})`."""
        return await calling.call_by_name(self._post, name, arguments, **options)

    @overload
    def get_task(self, task: Callable[..., Coroutine[Any, Any, R]], *, id: str) -> TaskHandle[R]: ...
    @overload
    def get_task(self, task: str, *, id: str) -> TaskHandle[Any]: ...

    def get_task(self, task: Any, *, id: str) -> TaskHandle[Any]:  # noqa: A002 - as users say it
        """Return the handle of a task that some client called: `client.get_task(client.service(Hotel).book, id="t1")`.

        `task` may be its name, `"Hotel.book"`. Nothing is sent until the handle is asked.
        """
        return calling.handle_of(self._post, task, id)

    def tasks(self, service: str | type[Any], *, tag: str) -> TaskGroup:
        """Return all tasks of a service, by its name or contract, that carry a tag: cancel, retry, complete, fail them.

        `await client.tasks(Approval, tag="order:1").complete(True)`. For tasks of workflows, that gave them the tag.
        """
        return TaskGroup(self._post, service, tag)

    @overload
    async def complete_task(
        self,
        task: Callable[..., Coroutine[Any, Any, R]],
        task_id: str,
        result: R,
        *,
        sequence: int | None = None,
        timeout: Duration = PATIENCE,  # noqa: ASYNC109
    ) -> Done: ...
    @overload
    async def complete_task(
        self,
        task: str | type[Any],
        task_id: str,
        result: object = None,
        *,
        sequence: int | None = None,
        timeout: Duration = PATIENCE,  # noqa: ASYNC109
    ) -> Done: ...

    async def complete_task(
        self,
        task: object,
        task_id: str,
        result: object = None,
        *,
        sequence: int | None = None,
        timeout: Duration = PATIENCE,  # noqa: ASYNC109
    ) -> Done:
        """End a delegated task with its result, from anywhere; needs the broker only, and a worker of the service.

        `await client.complete_task(client.service(Office).approve, task_id, True)`

        Arguments:
            task: a method of what `service` returned, which has the result checked here; or the service, by its name,
                its contract, or a class that implements it.
            task_id: as `service.context()` had it where the task was delegated.
            result: must fit what the contract returns.
            sequence: only this life of the task, as `service.context()` had it; default: whichever is open.
            timeout: how long to wait for a worker; the request stands in the queue all the same.

        A count of 0 says that there was nothing to complete, and the text why: it had ended before (once is as good as
        twice), or is not known. Raises `ArgumentMismatch`, or `RequestRefused` from the worker, for a result that does
        not fit; `RequestRefused` for a task that is not delegated; `RequestTimedOut`.
        """
        outcome = delegates.completed(self._post, result, task)
        return await delegates.settle(self._post, task, task_id, outcome, timeout, sequence=sequence)

    async def fail_task(
        self,
        task: str | Callable[..., Any],
        task_id: str,
        error: BaseException | str,
        *,
        retry: bool = False,
        sequence: int | None = None,
        timeout: Duration = PATIENCE,  # noqa: ASYNC109
    ) -> Done:
        """End a delegated task with a failure, from anywhere; see `complete_task`.

        Arguments:
            task: a method of what `service` returned; or the service, by its name or contract.
            task_id: as `service.context()` had it.
            error: an exception, or the reason in words.
            retry: have its policy decide, as if the function had raised: the function runs again, under the same id,
                unless the policy gives up. Else whoever waits is told at once.
            sequence: only this life of the task.
            timeout: how long to wait for a worker.
        """
        outcome = delegates.failed(self._post, error)
        return await delegates.settle(self._post, task, task_id, outcome, timeout, sequence=sequence, retry=retry)

    async def pause_service(self, service: str | type[Any], timeout: Duration = PATIENCE) -> Done:  # noqa: ASYNC109
        """Have all nodes begin no task of a service any more, until it is resumed.

        What runs ends, what waits stays in the queue, timeouts go on. It is written down by a node, and survives
        restarts. Raises `RequestTimedOut` when no node answers; `leveret services pause` needs none.
        """
        return await pausing.pause(self._post, service, timeout, paused=True)

    async def resume_service(self, service: str | type[Any], timeout: Duration = PATIENCE) -> Done:  # noqa: ASYNC109
        """Have the nodes go on with a service that is paused; see `pause_service`."""
        return await pausing.pause(self._post, service, timeout, paused=False)
