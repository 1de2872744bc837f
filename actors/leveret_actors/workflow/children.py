"""Children: which instance and run a start makes, and how it is started and called off.

All of it derives from the parent's run and the number of the command, so that a repetition makes the same again.
"""

from __future__ import annotations

from collections.abc import Iterable

from leveret.calls import ChildCall, MethodCall, VerbCall
from leveret.errors import ArgumentMismatch
from leveret_actors.actor import ActorAddress, Post
from leveret_actors.workflow.course import Line
from leveret_actors.workflow.journal import Begun, Child
from leveret_actors.workflow.operations import Operation
from leveret_broker.address import TAGS, MailboxQueue
from leveret_broker.envelope import (
    AwaitResult,
    Cancel,
    Envelope,
    Start,
    TagClaim,
    TagJoin,
    TagPass,
    WorkflowCaller,
    encode,
)
from leveret_broker.ids import child_id, run_of, tag_key


def refuse_self(begun: Begun, workflow: str, instance: str, call: ChildCall) -> None:
    """Raise `ArgumentMismatch` for a start that would find its own parent, which would then wait for itself."""
    plan = call.plan
    if plan.workflow != workflow or plan.on_conflict != "existing":
        return
    name = f"{workflow}.{call.method}: "
    if plan.id == instance:
        raise ArgumentMismatch(
            f"{name}a child cannot have the id of its parent, {instance!r}: give it another, or none"
        )
    if plan.unique_tag and plan.unique_tag == begun.unique_tag:
        text = f"{name}its parent {instance!r} has the unique tag {plan.unique_tag!r}, and would be found: give another"
        raise ArgumentMismatch(text)


def child_of(run: str, number: int, call: ChildCall) -> Child:
    """Return the child that command `number` of `run` starts."""
    plan = call.plan
    instance = plan.id or child_id(run, number)
    return Child(instance, run_of(plan.workflow, instance, _start_id(run, number)), plan.unique_tag, call.detached)


def start(operation: Operation, queue: MailboxQueue, parent: str, begun: Begun, at: float) -> Iterable[Post]:
    """Yield the joins of a child's tags, then its start, which a unique tag carries inside its claim."""
    call, child, message_id = operation.call, operation.child, _start_id(begun.run, operation.number)
    assert isinstance(call, ChildCall)
    assert child is not None
    plan = call.plan
    caller = WorkflowCaller(queue, parent, begun.run, operation.number, queue.kind, begun.method)
    for index, tag in enumerate(plan.tags):
        yield _to_tag(plan.workflow, tag, f"{message_id}.j{index}", TagJoin(child.instance, child.run), at)
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
    envelope = Envelope(message_id, child.instance, message, sent=at)
    if plan.unique_tag:
        claim = TagClaim(child.instance, child.run, encode(envelope), caller, plan.on_conflict)
        yield _to_tag(plan.workflow, plan.unique_tag, f"{message_id}.u", claim, at)
    else:
        yield Post(ActorAddress(plan.workflow, child.instance), envelope)


def ask_again(operation: Operation, queue: MailboxQueue, parent: str, begun: Begun, at: float) -> Post:
    """Return the question how a child ends, for the parent that an operator has resumed."""
    child, run, number = operation.child, begun.run, operation.number
    assert child is not None
    caller = WorkflowCaller(queue, parent, run, number, queue.kind, begun.method, operation.sequence)
    envelope = Envelope(f"{run}.{number}.r{operation.sequence}", child.instance, AwaitResult(caller), sent=at)
    return Post(ActorAddress(operation.name.rpartition(".")[0], child.instance), envelope)


def call_off(command: Operation | Line, queue: MailboxQueue, parent: str, run: str, at: float) -> Iterable[Post]:
    """Yield the cancellation of a child that is not detached, meant for the run that this parent has started."""
    child, workflow = command.child, command.name.rpartition(".")[0]
    if child is None or child.detached:
        return
    cancel = Cancel(reason=f"by its parent {queue.kind} {parent!r}")
    envelope = Envelope(f"{run}.{command.number}.c", child.instance, cancel, child.run, at)
    if child.unique_tag:  # the way that the start takes, so as not to overtake it
        yield _to_tag(workflow, child.unique_tag, f"{envelope.id}.u", TagPass(child.instance, encode(envelope)), at)
    else:
        yield Post(ActorAddress(workflow, child.instance), envelope)


def instance_of(operation: Operation | Line) -> str:
    """Return the id of the instance that a command starts or calls; empty for other commands, and by tag.

    The journal tells of children only.
    """
    if operation.child is not None:
        return operation.child.instance
    call = operation.call if isinstance(operation, Operation) else None
    return call.target.id if isinstance(call, MethodCall | VerbCall) else ""


def _start_id(run: str, number: int) -> str:
    return f"{run}.{number}.s"


def _to_tag(workflow: str, tag: str, message_id: str, message: TagJoin | TagClaim | TagPass, at: float) -> Post:
    key = tag_key(workflow, tag)
    return Post(ActorAddress(TAGS, key), Envelope(message_id, key, message, sent=at))
