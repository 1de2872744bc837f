"""Delegated tasks, completed and failed from anywhere."""

from __future__ import annotations

from leveret.client.calling import TaskMethod
from leveret.client.post import Post, letter
from leveret.client.requests import Deadline
from leveret.contract import Duration
from leveret.errors import ArgumentMismatch
from leveret.failure import failure_of, sealed
from leveret.service.defining import definition_of
from leveret.signature import spell
from leveret_broker.address import ServiceQueue
from leveret_broker.envelope import Done, SettleTask
from leveret_broker.errors import DecodeError
from leveret_broker.ids import check_id, check_name
from leveret_broker.outcome import Completed, Failed, Failure


def completed(post: Post, result: object, task: object = None) -> Completed:
    """Return the outcome of a task that has a result; raises `ArgumentMismatch` for one that its contract refuses."""
    if not isinstance(task, TaskMethod):
        return Completed(post.codec.dump(result))
    try:
        return Completed(post.codec.dump(result, task.result))
    except DecodeError as error:
        text = f"{task}: the result does not fit {spell(task.result)}: {error}"
        raise ArgumentMismatch(text) from error


def service_of(target: object) -> str:
    """Return the name of a service, given by name, by its contract, or by a method of a stub that calls it."""
    if isinstance(target, TaskMethod):
        return target.service
    return check_name("service", target) if isinstance(target, str) else definition_of(target).name


def failed(post: Post, error: BaseException | str) -> Failed:
    """Return the outcome of a task that failed, by an exception or for a reason in words."""
    if isinstance(error, str):
        return Failed(sealed(Failure("DelegateFailed", error), post.codec))
    return Failed(failure_of(error, post.codec))


async def settle(
    post: Post,
    service: object,
    task_id: str,
    outcome: Completed | Failed,
    timeout: Duration,  # noqa: ASYNC109
    *,
    sequence: int | None = None,
    retry: bool = False,
) -> Done:
    """Ask the workers of a service to settle a delegated task."""
    name = service_of(service)
    check_id("the task's id", task_id)
    with post.requests.expect(f"end of task {task_id} of service {name}") as expecting:
        life = -1 if sequence is None else sequence
        message = SettleTask(task_id, outcome, retry, life, expecting.caller)
        post.ask(expecting, ServiceQueue(name), letter("", message))
        return await expecting.answer(Done, Deadline(timeout))
