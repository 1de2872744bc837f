"""Tags on tasks: a tagged task joins its tags when it is issued, and leaves them when nobody can retry it any more.

The tags of a service's tasks are actors like those of instances. A join that is never followed by its leave, as when an
instance is ended without its code, is found by the tag, which asks once a day.
"""

from __future__ import annotations

from collections.abc import Iterable

from leveret.calls import TaskCall
from leveret_actors.actor import ActorAddress, Post
from leveret_actors.workflow.operations import TASK, Operation
from leveret_broker.address import TAGS
from leveret_broker.envelope import Envelope, TagJoin, TagLeave
from leveret_broker.ids import owner_of_task, task_id, task_tag_key


def tagged(operations: Iterable[Operation]) -> list[Operation]:
    """Return those that are tasks with tags."""
    return [one for one in operations if one.kind == TASK and isinstance(one.call, TaskCall) and one.call.tags]


def join(operation: Operation, kind: str, instance: str, run: str, at: float) -> Iterable[Post]:
    """Yield the joins of a task; nothing when it has no tags."""
    call = operation.call
    if isinstance(call, TaskCall) and call.tags:
        identity = task_id(run, operation.number)
        message = TagJoin(identity, owner_of_task(kind, instance), firm=True)
        for index, tag in enumerate(call.tags):
            yield _post(call.service, tag, f"{identity}.j{index}", message, at)


def leave(operations: Iterable[Operation], kind: str, instance: str, run: str, at: float) -> Iterable[Post]:
    """Yield the leaves of tasks."""
    for operation in tagged(operations):
        call, identity = operation.call, task_id(run, operation.number)
        assert isinstance(call, TaskCall)
        message = TagLeave(identity, owner_of_task(kind, instance))
        for index, tag in enumerate(call.tags):
            yield _post(call.service, tag, f"{identity}.l{index}", message, at)


def _post(service: str, tag: str, message_id: str, message: TagJoin | TagLeave, at: float) -> Post:
    key = task_tag_key(service, tag)
    return Post(ActorAddress(TAGS, key), Envelope(message_id, key, message, sent=at))
