"""What a command sends, and what calls off the ones that have not ended."""

from __future__ import annotations

from collections.abc import Iterable

from leveret_actors.actor import Post
from leveret_actors.workflow import children, letters, posts, task_tags
from leveret_actors.workflow import operations as ops
from leveret_actors.workflow.course import Line
from leveret_actors.workflow.draft import Draft
from leveret_actors.workflow.instance import Instance
from leveret_actors.workflow.operations import Operation
from leveret_broker.address import MailboxQueue
from leveret_broker.ids import sequence_key, task_id


def posts_of(operation: Operation, instance: Instance, queue: MailboxQueue, at: float) -> Iterable[Post]:
    """Yield what a new command sends; nothing for timers and the like."""
    begun, key = instance.begun, instance.key
    if operation.kind == ops.TASK:
        yield from task_tags.join(operation, queue.kind, key, begun.run, at)
        yield posts.task(operation, queue, key, begun, at)
    elif operation.kind == ops.CHILD:
        yield from children.start(operation, queue, key, begun, at)
    elif operation.kind in letters.KINDS:
        yield letters.letter(operation, instance, queue, at)


def again(operation: Operation, instance: Instance, queue: MailboxQueue, at: float) -> Post:
    """Return what the next life of a command sends: the task anew, or the question how the child ends now."""
    if operation.kind == ops.TASK:
        return posts.task(operation, queue, instance.key, instance.begun, at)
    return children.ask_again(operation, queue, instance.key, instance.begun, at)


def call_off(draft: Draft, run: str, commands: Iterable[Operation | Line], reason: str = "") -> None:
    """Cancel where they run: tasks, and children that are not detached. What has a reason of its own keeps it."""
    listed = list(commands)
    for one in listed:
        if one.kind == ops.TASK:
            own = one.reason if isinstance(one, Operation) else ""
            draft.revoke(sequence_key(task_id(run, one.number), one.sequence), own or reason)
    for one in listed:
        draft.posts.extend(children.call_off(one, draft.queue, draft.actor, run, draft.at))
