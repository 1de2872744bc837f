"""Commands to other instances as posts: calls, signals and cancellations, by id or by tag."""

from __future__ import annotations

from typing import Final, TypeAlias

from leveret.runtime import CancelCall, MethodCall, SignalCall, Target
from leveret_actors.actor import ActorAddress, Post
from leveret_actors.workflow import operations as ops
from leveret_actors.workflow.instance import Instance
from leveret_actors.workflow.operations import Operation
from leveret_broker.address import TAGS, MailboxQueue
from leveret_broker.envelope import Call, Cancel, Envelope, Query, Signal, TagFan, TagPass, WorkflowCaller, encode
from leveret_broker.ids import tag_key

KINDS: Final = frozenset({ops.CALL, ops.SIGNAL, ops.CANCEL})


_Letter: TypeAlias = Call | Query | Signal | Cancel


def letter(operation: Operation, instance: Instance, queue: MailboxQueue, at: float) -> Post:
    """Return a call, a signal or a cancellation on its way."""
    wanted, run = operation.call, instance.begun.run
    derived = f"{run}.{operation.number}"
    message: _Letter
    match wanted:
        case MethodCall(target, method, arguments, _, query):
            caller = WorkflowCaller(queue, instance.key, run, operation.number, queue.kind, instance.begun.method)
            by_tag = bool(target.tag)
            called = Call(method, arguments, None if by_tag else caller, patient=by_tag)
            message = Query(method, arguments, caller) if query else called
            message_id = f"{derived}.m"
        case SignalCall(target, channel, value, given):
            message = Signal(channel, value, patient=bool(target.tag))
            message_id = given or f"{derived}.g"
        case CancelCall(target, reason):
            message = Cancel(reason=reason)
            message_id = f"{derived}.c"
        case _:
            raise TypeError(f"command {operation.number} is no letter: {operation.kind}")
    return _to(target, instance, message_id, message, at)


def _to(target: Target, instance: Instance, message_id: str, message: _Letter, at: float) -> Post:
    if target.tag:
        assert not isinstance(message, Query)
        key = tag_key(target.workflow, target.tag)
        return Post(ActorAddress(TAGS, key), Envelope(message_id, key, TagFan(message), sent=at))
    envelope = Envelope(message_id, target.id, message, sent=at)
    unique_tag = instance.claimed.get((target.workflow, target.id))
    if unique_tag is None:
        return Post(ActorAddress(target.workflow, target.id), envelope)
    key = tag_key(target.workflow, unique_tag)
    passed = Envelope(f"{message_id}.u", key, TagPass(target.id, encode(envelope)), sent=at)
    return Post(ActorAddress(TAGS, key), passed)
