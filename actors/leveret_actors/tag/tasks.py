"""Tags on tasks: their members are tasks, with the instance that each belongs to in the place of the run."""

from __future__ import annotations

import msgspec

from leveret_actors.actor import ActorAddress, Post
from leveret_actors.tag.draft import Draft
from leveret_actors.tag.state import Fan, Who
from leveret_broker.address import ServiceQueue
from leveret_broker.envelope import Cancel, Envelope, Probe, RetryTasks, SettleTask


def is_of_tasks(draft: Draft) -> bool:
    """Tell whether the members of this tag are tasks."""
    return draft.workflow.startswith("@")


def copy_for(draft: Draft, one: Fan, who: Who) -> Post:
    """Return what a fan-out sends for one task; raises `TypeError` for a message that is not about tasks."""
    task, owner = who
    message, message_id = one.message, f"{one.id}/{task}"
    if isinstance(message, SettleTask):
        settle = msgspec.structs.replace(message, task_id=task)
        service = draft.workflow.removeprefix("@")
        return Post(ServiceQueue(service), Envelope(message_id, "", settle, "", draft.clock, one.headers))
    run, _, number = task.rpartition(".")
    wanted: Cancel | RetryTasks
    if isinstance(message, Cancel):
        wanted = msgspec.structs.replace(message, number=int(number))
    elif isinstance(message, RetryTasks):
        wanted = msgspec.structs.replace(message, task_ids=(task,))
    else:
        raise TypeError(f"tasks do not understand a {type(message).__name__}")
    workflow, _, instance = owner.partition("/")
    return Post(ActorAddress(workflow, instance), Envelope(message_id, instance, wanted, run, draft.clock, one.headers))


def probe(draft: Draft, who: Who, number: int, message_id: str) -> Post:
    """Return the question whether a task can still be reached."""
    task, owner = who
    workflow, _, instance = owner.partition("/")
    run = task.rpartition(".")[0]
    message = Probe(draft.queue, draft.tag, run, draft.workflow.removeprefix("@"), task, number)
    return Post(ActorAddress(workflow, instance), Envelope(message_id, instance, message, run, draft.clock))
