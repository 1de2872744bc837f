"""Children: which instance and run a start makes, and how it is started and called off.

All of it derives from the parent's run and the number of the command, so that a repetition makes the same again.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from leveret.runtime import ChildCall
from leveret_actors.actor import ActorAddress, Post
from leveret_actors.workflow.journal import Begun
from leveret_actors.workflow.operations import Operation
from leveret_broker.address import TAGS, MailboxQueue
from leveret_broker.envelope import Cancel, Envelope, Start, TagClaim, TagJoin, TagPass, WorkflowCaller, encode
from leveret_broker.ids import child_id, run_of, tag_key


class Child(NamedTuple):
    """Who a child is, whether it has begun or not."""

    call: ChildCall
    instance: str
    start: str
    """Message id of the start."""
    run: str
    """What the start makes; an instance that was there before has another."""


def child_of(run: str, operation: Operation) -> Child:
    """Return the child that a command of `run` starts."""
    call = operation.call
    assert isinstance(call, ChildCall)
    instance = call.plan.id or child_id(run, operation.number)
    start = f"{run}.{operation.number}.s"
    return Child(call, instance, start, run_of(call.plan.workflow, instance, start))


def start(operation: Operation, queue: MailboxQueue, parent: str, begun: Begun, at: float) -> Iterable[Post]:
    """Yield the joins of a child's tags, then its start, which a unique tag carries inside its claim."""
    child = child_of(begun.run, operation)
    call, plan = child.call, child.call.plan
    caller = WorkflowCaller(queue, parent, begun.run, operation.number, queue.kind, begun.method)
    for index, tag in enumerate(plan.tags):
        join = TagJoin(child.instance, child.run)
        yield _to_tag(plan.workflow, tag, f"{child.start}.j{index}", join, at)
    message = Start(
        call.method,
        call.arguments,
        caller,
        tags=plan.tags,
        unique_tag=plan.unique_tag,
        meta=dict(plan.meta),
        on_conflict=plan.on_conflict,
        on_closed=plan.on_closed,
        timeout=plan.timeout,
        version=plan.version,
        parent=caller,
    )
    envelope = Envelope(child.start, child.instance, message, sent=at)
    if plan.unique_tag:
        claim = TagClaim(child.instance, child.run, encode(envelope), caller, plan.on_conflict)
        yield _to_tag(plan.workflow, plan.unique_tag, f"{child.start}.u", claim, at)
    else:
        yield Post(ActorAddress(plan.workflow, child.instance), envelope)


def call_off(operations: Iterable[Operation], queue: MailboxQueue, parent: str, run: str, at: float) -> Iterable[Post]:
    """Yield the cancellations of children that are not detached, meant for the runs that this parent has started."""
    for operation in operations:
        child = child_of(run, operation)
        if child.call.detached:
            continue
        cancel = Cancel(reason=f"by its parent {queue.kind} {parent!r}")
        envelope = Envelope(f"{run}.{operation.number}.c", child.instance, cancel, child.run, at)
        unique_tag, workflow = child.call.plan.unique_tag, child.call.plan.workflow
        if unique_tag:  # the way that the start takes, so as not to overtake it
            word = TagPass(child.instance, encode(envelope))
            yield _to_tag(workflow, unique_tag, f"{envelope.id}.u", word, at)
        else:
            yield Post(ActorAddress(workflow, child.instance), envelope)


def _to_tag(workflow: str, tag: str, message_id: str, message: TagJoin | TagClaim | TagPass, at: float) -> Post:
    key = tag_key(workflow, tag)
    return Post(ActorAddress(TAGS, key), Envelope(message_id, key, message, sent=at))
