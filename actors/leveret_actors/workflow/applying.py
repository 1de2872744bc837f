"""Events to what they change in a live instance; the same for a first run and for a replay."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any

from leveret.calls import ChildCall, MethodCall, TagCall, TaskCall, VerbCall
from leveret.describing import revealed
from leveret.failure import already_started, failure_of, opened, refusal, to_exception
from leveret_actors.workflow import operations as ops
from leveret_actors.workflow.children import instance_of
from leveret_actors.workflow.instance import Emission, Instance
from leveret_actors.workflow.journal import (
    Applied,
    Begun,
    Called,
    CancelRequested,
    Command,
    CommandEnded,
    Folded,
    Rewound,
    SignalAccepted,
    TasksRetried,
    TimerFired,
    TimersCompleted,
)
from leveret_actors.workflow.operations import Operation
from leveret_actors.workflow.unfolding import leave
from leveret_broker.envelope import Description
from leveret_broker.errors import DecodeError, LeveretError
from leveret_broker.ids import task_id
from leveret_broker.outcome import Cancelled, Completed, Failed, Outcome, TimedOut, status_of


def take_turn(
    instance: Instance, at: float, events: Iterable[Applied], replayed: tuple[Command, ...] | None = None
) -> Emission:
    """Apply all events, then step the code once; `replayed` has what the journal says came of it. Raises `Stuck`."""

    def first() -> None:
        for event in events:
            _apply(instance, event)

    return instance.step(at, first, replayed)


def _apply(instance: Instance, event: Applied) -> None:
    if isinstance(event, CommandEnded):
        operation = instance.operations.pending.get(event.number)
        if operation is not None and operation.kind in ops.ANSWERED and operation.sequence == event.sequence:
            _settle(instance, operation, event.outcome)
    elif isinstance(event, TimerFired):
        _fire(instance, event.number)
    elif isinstance(event, SignalAccepted):
        instance.accept(event)
    elif isinstance(event, CancelRequested):
        _cancel(instance, event)
    elif isinstance(event, TasksRetried):
        for number in event.numbers:
            if number in instance.operations.ended:
                instance.operations.reopen(number)
    elif isinstance(event, TimersCompleted):
        _complete_timers(instance, event)
    elif isinstance(event, Rewound):
        instance.operations.last = max(instance.operations.last, event.last)
        for number in event.numbers:
            instance.operations.reopen(number)
    elif isinstance(event, Begun):
        instance.methods.main.start()
    elif isinstance(event, Called):
        instance.methods.call(event.id, event.method, event.arguments)
    elif isinstance(event, Folded):
        leave(instance, event)
    # ResultAwaited and GivenUp concern the engine, not the code


def _settle(
    instance: Instance, operation: Operation, outcome: Outcome, *, fired: bool = False, withdraw: bool = False
) -> None:
    if isinstance(outcome, Completed):
        try:
            value = _value(instance, operation, outcome)
        except DecodeError as error:
            outcome = Failed(failure_of(error, instance.codec, _where(instance, operation)))
        else:
            instance.operations.end(operation, "completed")
            operation.future.set_result(value)
            return
    told = Failed(opened(outcome.failure, instance.codec)) if isinstance(outcome, Failed) else outcome
    instance.operations.end(operation, status_of(outcome), fired=fired, withdraw=withdraw)
    operation.outcome = outcome
    operation.future.set_exception(_exception(operation, told))


def _value(instance: Instance, operation: Operation, outcome: Completed) -> Any:
    value = instance.codec.load(outcome.value, _result(operation))
    return revealed(value, instance.codec) if isinstance(value, Description) else value


def _result(operation: Operation) -> Any:
    call = operation.call
    return call.result if isinstance(call, TaskCall | ChildCall | MethodCall | VerbCall | TagCall) else object


def _exception(operation: Operation, outcome: Outcome) -> LeveretError:
    if operation.kind == ops.TASK:
        return to_exception(outcome, "task")
    if operation.kind in ops.REFUSABLE and (error := refusal(outcome)) is not None:
        return error
    return already_started(outcome) or to_exception(outcome, "workflow")


def _fire(instance: Instance, number: int) -> None:
    if number == 0:
        instance.methods.time_out()
        return
    operation = instance.operations.pending.get(number)
    if operation is None or not operation.due:
        return
    if isinstance(operation.call, TaskCall):
        outcome = TimedOut(operation.call.timeout, _where(instance, operation))
        operation.reason = f"it timed out after {operation.call.timeout:g} s"
        _settle(instance, operation, outcome, fired=True, withdraw=True)
        return
    _fire_timer(instance, operation, fired=True)


def _complete_timers(instance: Instance, event: TimersCompleted) -> None:
    """Fire the timers one after another, as they would be due: what the first one ends is not there for the next."""
    timers = [one for one in instance.operations.pending.values() if one.kind == ops.TIMER]
    for operation in sorted(timers, key=lambda one: (one.due, one.number)):
        if event.method in {"", operation.method}:
            instance.later.append(partial(_complete_timer, instance, operation))


def _complete_timer(instance: Instance, operation: Operation) -> None:
    if operation.number in instance.operations.pending:
        _fire_timer(instance, operation, fired=False)


def _fire_timer(instance: Instance, operation: Operation, *, fired: bool) -> None:
    instance.operations.end(operation, "completed", fired=fired)
    if operation.handle is not None:
        instance.loop.fire(operation.handle)
    else:
        operation.future.set_result(None)


def _cancel(instance: Instance, event: CancelRequested) -> None:
    if event.method:
        instance.methods.cancel(event.method, event.reason)
        return
    if event.number < 0:
        instance.methods.cancel_all(event.reason)
        return
    operation = instance.operations.pending.get(event.number)
    if operation is None or operation.handle is not None:
        return
    if operation.kind in ops.ANSWERED:
        operation.reason = event.reason
        where = {**_where(instance, operation), **({"reason": event.reason} if event.reason else {})}
        _settle(instance, operation, Cancelled(where), withdraw=True)
    else:
        operation.future.cancel()


def _where(instance: Instance, operation: Operation) -> dict[str, str]:
    kind, _, name = operation.name.rpartition(".")
    if operation.kind == ops.TASK:
        return {"service": kind, "task": name, "task_id": task_id(instance.begun.run, operation.number)}
    return {"workflow": kind, "instance": instance_of(operation), "method": name}
