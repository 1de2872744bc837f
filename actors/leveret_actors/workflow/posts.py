"""What leaves an instance: commands and answers as posts, with ids derived so that a repetition makes the same."""

from __future__ import annotations

from leveret.calls import TaskCall
from leveret_actors.actor import Post
from leveret_actors.workflow.journal import Begun
from leveret_actors.workflow.operations import Operation
from leveret_broker.address import CONTROL, MailboxQueue
from leveret_broker.envelope import (
    Answer,
    Caller,
    CancelTask,
    ClientCaller,
    Ended,
    Envelope,
    Message,
    Task,
    WorkflowCaller,
)
from leveret_broker.ids import sequence_key, task_id
from leveret_broker.outcome import Outcome


def task(operation: Operation, queue: MailboxQueue, instance: str, begun: Begun, at: float) -> Post:
    """Return a task on its way to its service."""
    call = operation.call
    assert isinstance(call, TaskCall)
    identity = task_id(begun.run, operation.number)
    key = task_key(begun.run, operation)
    caller = WorkflowCaller(queue, instance, begun.run, operation.number, queue.kind, begun.method)
    message = Task(
        identity,
        call.service,
        call.name,
        call.arguments,
        caller,
        sequence=operation.sequence,
        deadline=operation.due,
        tags=call.tags,
        meta=dict(call.meta),
        workflow=queue.kind,
        instance=instance,
        run=begun.run,
        priority=call.priority,
    )
    return Post(message.queue, Envelope(key, "", message, sent=at))


def task_key(run: str, operation: Operation) -> str:
    """Return what names this life of a task: its revocation does not stop the next one."""
    return sequence_key(task_id(run, operation.number), operation.sequence)


def cancel_task(identity: str, at: float, until: float, reason: str) -> Post:
    """Return the word to all nodes that a task is not wanted any more."""
    return Post(CONTROL, Envelope(f"{identity}.c", "", CancelTask(identity, until, reason), sent=at))


def answer(caller: Caller, outcome: Outcome, run: str, at: float) -> Post:
    """Return the outcome of `run`, for whoever waits for it."""
    if isinstance(caller, ClientCaller):
        return reply(caller, Answer(outcome), at)
    envelope = Envelope(
        sequence_key(f"{caller.run}.{caller.number}.{run}.e", caller.sequence),
        caller.instance,
        Ended(caller.number, outcome, sequence=caller.sequence),
        run=caller.run,
        sent=at,
    )
    return Post(caller.queue, envelope)


def reply(caller: ClientCaller, message: Message, at: float) -> Post:
    """Return a message for a client, under its request's id."""
    return Post(caller.address, Envelope(caller.request, "", message, sent=at))
