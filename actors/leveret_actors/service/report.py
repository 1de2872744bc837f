"""What a caller is told about the end of a task."""

from __future__ import annotations

from leveret_broker.address import Address, ServiceQueue
from leveret_broker.envelope import Answer, ClientCaller, Ended, EndTask, Envelope, Task, decode, encode
from leveret_broker.outcome import Failed, Failure, Outcome, status_of


def report(task: Task, outcome: Outcome, worker: str, sent: float) -> tuple[Address, bytes] | None:
    """Return where the outcome goes and the body that carries it; None when nobody waits.

    The id is the same whoever reports the task, so that its outcome counts once. What a client called has no instance
    that would keep its outcome: a worker of the service does that, and tells it.
    """
    caller = task.caller
    if caller is None:
        return None
    if isinstance(caller, ClientCaller):
        end = EndTask(task.task_id, outcome, task.sequence, caller)
        return ServiceQueue(task.service), encode(Envelope(f"{task.task_id}.end.{task.sequence}", "", end, sent=sent))
    message = Ended(caller.number, outcome, task.attempt, worker, task.sequence)
    number = f"{task.task_id}.end.{task.sequence}"
    return caller.queue, encode(Envelope(number, caller.instance, message, caller.run, sent))


def end_in(body: bytes) -> str:
    """Return how a task ended, if this says so to its caller; else nothing."""
    message = decode(body).message
    return status_of(message.outcome) if isinstance(message, Ended | Answer | EndTask) else ""


def whereabouts(task: Task, worker: str = "", reason: str = "") -> dict[str, str]:
    """Return what `Failure.where` says of a task."""
    where = {"service": task.service, "task": task.name, "task_id": task.task_id, "attempt": str(task.attempt)}
    if worker:
        where["worker"] = worker
    if reason:
        where["reason"] = reason
    return where


def failed(task: Task, kind: str, text: str, worker: str = "", reason: str = "") -> Failed:
    """Return the outcome of a task that failed without an exception of its own."""
    return Failed(Failure(kind, text, where=whereabouts(task, worker, reason)))
