"""Commands to other instances as posts: calls, signals, cancellations and verbs, by id or by tag."""

from __future__ import annotations

from typing import Final, TypeAlias

from msgspec.structs import replace

from leveret.calls import CancelCall, MethodCall, SignalCall, Target, VerbCall
from leveret_actors.actor import ActorAddress, Post
from leveret_actors.workflow import operations as ops
from leveret_actors.workflow.instance import Instance
from leveret_actors.workflow.operations import Operation
from leveret_broker.address import TAGS, MailboxQueue
from leveret_broker.envelope import (
    Call,
    Cancel,
    CompleteTimers,
    Describe,
    Envelope,
    Query,
    RetryTasks,
    RetryWorkflow,
    Signal,
    TagFan,
    TagPass,
    WorkflowCaller,
    encode,
)
from leveret_broker.ids import tag_key

KINDS: Final = frozenset({ops.CALL, ops.SIGNAL, ops.CANCEL, ops.VERB})


_Verb: TypeAlias = RetryTasks | RetryWorkflow | CompleteTimers | Describe
_Letter: TypeAlias = Call | Query | Signal | Cancel | _Verb


def letter(operation: Operation, instance: Instance, queue: MailboxQueue, at: float) -> Post:
    """Return a call, a signal or a cancellation on its way."""
    wanted, run = operation.call, instance.begun.run
    derived = f"{run}.{operation.number}"
    message: _Letter
    caller = WorkflowCaller(queue, instance.key, run, operation.number, queue.kind, instance.begun.method)
    match wanted:
        case MethodCall(target, method, arguments, _, query, given):
            by_tag = bool(target.tag)
            called = Call(method, arguments, None if by_tag else caller, patient=by_tag)
            message = Query(method, arguments, caller) if query else called
            message_id = given or f"{derived}.m"
        case SignalCall(target, channel, value, given):
            message = Signal(channel, value, patient=bool(target.tag))
            message_id = given or f"{derived}.g"
        case CancelCall(target, reason, force):
            message = Cancel(reason=reason, force=force)
            message_id = f"{derived}.c"
        case VerbCall(target):
            message = _verb(wanted, caller)
            message_id = f"{derived}.v"
        case _:
            raise TypeError(f"command {operation.number} is no letter: {operation.kind}")
    return _to(target, instance, message_id, message, at)


def _verb(wanted: VerbCall, caller: WorkflowCaller) -> _Verb:
    match wanted.verb:
        case "retry_tasks":
            chosen = wanted.tasks
            return RetryTasks(chosen.task_ids, chosen.statuses, chosen.services, caller)
        case "retry_workflow_task":
            return RetryWorkflow(caller)
        case "complete_timers":
            return CompleteTimers(wanted.method, caller)
        case "describe":
            return Describe(caller)


def _to(target: Target, instance: Instance, message_id: str, message: _Letter, at: float) -> Post:
    if target.tag:
        assert not isinstance(message, Query | Describe)
        waiting = None
        if isinstance(message, RetryTasks | RetryWorkflow | CompleteTimers):  # the tag answers, not its members
            waiting, message = message.caller, replace(message, caller=None)
        key = tag_key(target.workflow, target.tag)
        return Post(ActorAddress(TAGS, key), Envelope(message_id, key, TagFan(message, waiting), sent=at))
    envelope = Envelope(message_id, target.id, message, sent=at)
    unique_tag = instance.claimed.get((target.workflow, target.id))
    if unique_tag is None:
        return Post(ActorAddress(target.workflow, target.id), envelope)
    key = tag_key(target.workflow, unique_tag)
    passed = Envelope(f"{message_id}.u", key, TagPass(target.id, encode(envelope)), sent=at)
    return Post(ActorAddress(TAGS, key), passed)
