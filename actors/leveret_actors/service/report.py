"""What a caller is told about the end of a task."""

from __future__ import annotations

from leveret_broker.address import Address, ReplyQueue
from leveret_broker.envelope import Answer, ClientCaller, Ended, Envelope, Task, encode
from leveret_broker.outcome import Failed, Failure, Outcome


def report(task: Task, outcome: Outcome, worker: str, sent: float) -> tuple[Address, bytes] | None:
    """Return where the outcome goes and the body that carries it; None when nobody waits.

    The id is the same whoever reports the task, so that its outcome counts once.
    """
    caller = task.caller
    if caller is None:
        return None
    if isinstance(caller, ClientCaller):
        return ReplyQueue(caller.client), encode(Envelope(caller.request, "", Answer(outcome), sent=sent))
    message = Ended(caller.number, outcome, task.attempt, worker, task.sequence)
    number = f"{task.task_id}.end.{task.sequence}"
    return caller.queue, encode(Envelope(number, caller.instance, message, caller.run, sent))


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
