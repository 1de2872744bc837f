"""What listeners are told of a turn: built from what the turn noted, and only where somebody listens."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from leveret import events
from leveret_actors.workflow import operations as ops
from leveret_actors.workflow import posts, state
from leveret_actors.workflow.asking import MAIN
from leveret_actors.workflow.children import instance_of
from leveret_actors.workflow.house import House
from leveret_actors.workflow.instance import Emission, Instance
from leveret_actors.workflow.journal import Begun, Called, Record, Rewound, SignalAccepted, TasksRetried
from leveret_actors.workflow.live import Live
from leveret_actors.workflow.operations import Operation
from leveret_broker.envelope import Envelope
from leveret_broker.ids import task_id
from leveret_broker.outcome import Cancelled, Completed, Failed, Failure, Outcome, TimedOut

_METHOD_ENDS: Mapping[type[object], type[events.MethodEvent]] = {
    Completed: events.MethodCompleted,
    Cancelled: events.MethodCancelled,
    TimedOut: events.MethodTimedOut,
}
_TASK_ENDS: Mapping[str, type[events.TaskEvent]] = {
    "completed": events.TaskCompleted,
    "cancelled": events.TaskCancelled,
    "timed_out": events.TaskTimedOut,
}
_REMOTE_ENDS: Mapping[str, type[events.RemoteEvent]] = {ops.CHILD: events.ChildEnded, ops.CALL: events.CallEnded}
_REMOTE_STARTS: Mapping[str, type[events.RemoteEvent]] = {
    ops.CHILD: events.ChildDispatched,
    ops.CALL: events.CallDispatched,
}


class Silent:
    """Follows a turn of which nobody wants to be told."""

    def found(self, live: Live | None, at: float) -> None:
        """Note what there was before the turn, and its clock."""

    def discarded(self, signal: SignalAccepted, reason: str, envelope: Envelope | None = None) -> None:
        """Note a signal that found nobody."""

    def steps(self, instance: Instance) -> None:
        """Note what was open before the code runs."""

    def journalled(
        self, record: Record, emission: Emission | None, origins: Mapping[bytes, Envelope], live: Live
    ) -> None:
        """Note what came, what the code asked for, and what ended."""

    def ended(self, record: Record, live: Live) -> None:
        """Note which methods ended, and what is open then."""

    def continued(self, run: str) -> None:
        """Note that the next run begins."""

    def told(self, live: Live | None) -> tuple[events.Event, ...]:  # noqa: ARG002 - the other one asks
        """Return what listeners are told, now that the turn is decided."""
        return ()


class Teller(Silent):
    """Follows a turn of which somebody is told."""

    def __init__(self, house: House, key: str) -> None:
        """Begin with nothing to tell."""
        self._house = house
        self._key = key
        self._run = ""
        self._at = 0.0
        self._was = ""
        self._entries = self._bytes = 0
        self._before: list[tuple[Operation, str]] = []
        self._open: list[Operation] = []
        self._events: list[events.Event] = []

    def found(self, live: Live | None, at: float) -> None:
        """Note what there was before the turn, and its clock."""
        self._at = at
        if live is not None:
            head = live.state
            self._run, self._was = head.run, head.status
            self._entries, self._bytes = head.entries, head.journal_bytes

    def discarded(self, signal: SignalAccepted, reason: str, envelope: Envelope | None = None) -> None:
        """Note a signal that found nobody."""
        self._tell(
            events.SignalDiscarded,
            channel=signal.channel,
            reason=reason,
            message_id="" if envelope is None else envelope.id,
        )

    def steps(self, instance: Instance) -> None:
        """Note what was open before the code runs."""
        self._before = [(operation, operation.status) for operation in instance.operations.pending.values()]

    def journalled(
        self, record: Record, emission: Emission | None, origins: Mapping[bytes, Envelope], live: Live
    ) -> None:
        """Note what came, what the code asked for, and what ended."""
        self._run = live.state.run
        for event in record.events:
            if isinstance(event, Begun):
                self._begun(event, live)
            elif isinstance(event, Called):
                self._tell(events.MethodStarted, method=event.method, method_id=event.id)
            elif isinstance(event, SignalAccepted):
                envelope = origins.get(event.digest)
                message_id = "" if envelope is None else envelope.id
                self._tell(events.SignalReceived, channel=event.channel, message_id=message_id)
            elif isinstance(event, TasksRetried | Rewound):
                self._retried(event.numbers, live)
        if emission is None:
            return
        if self._was == state.BLOCKED:
            self._tell(events.WorkflowUnblocked)
        for operation, status in self._before:
            if operation.status not in {"ongoing", status}:
                self._ended(operation, operation.status)
        for operation in emission.issued:
            self._issued(operation)
        for signal in emission.discarded:
            self.discarded(signal, "nobody receives, and the channel is not buffered", origins.get(signal.digest))
        for signal, reason in emission.refused:
            self.discarded(signal, reason, origins.get(signal.digest))

    def ended(self, record: Record, live: Live) -> None:
        """Note which methods ended, and what is open then."""
        if record.completion is not None:
            self._method_ended(live.state.method, MAIN, record.completion)
        for end in record.ended:
            call = live.calls.get(end.id)
            self._method_ended("" if call is None else call.name, end.id, end.outcome)
        if live.instance is not None:
            self._open = list(live.instance.operations.pending.values())

    def continued(self, run: str) -> None:
        """Note that the next run begins."""
        self._tell(events.WorkflowContinued, next_run=run)

    def told(self, live: Live | None) -> tuple[events.Event, ...]:
        """Return what listeners are told, now that the turn is decided."""
        if live is not None and live.state.run:
            self._status(live)
            head, settings = live.state, self._house.settings
            was_long = self._entries > settings.long_entries or self._bytes > settings.long_bytes
            if not was_long and (head.entries > settings.long_entries or head.journal_bytes > settings.long_bytes):
                self._tell(events.JournalLong, entries=head.entries, bytes=head.journal_bytes)
        return tuple(self._events)

    # -- one thing after the other ------------------------------------------------------------------------------------

    def _tell(self, kind: type[events.Event], **what: Any) -> None:
        self._events.append(kind(workflow=self._house.kind, id=self._key, run=self._run, at=self._at, **what))

    def _begun(self, begun: Begun, live: Live) -> None:
        self._was = state.RUNNING
        self._entries = self._bytes = 0
        parent = "" if begun.parent is None else begun.parent.instance
        tags = posts.tags_of(begun)
        self._tell(events.WorkflowStarted, method=begun.method, tags=tags, meta=dict(live.state.meta), parent=parent)
        if tags:
            self._tell(events.TagsAdded, tags=tags)

    def _retried(self, numbers: Iterable[int], live: Live) -> None:
        known = {} if live.instance is None else {**live.instance.operations.ended, **live.instance.operations.pending}
        for operation in (known[number] for number in numbers if number in known):
            self._tell(events.TaskRetried, **self._task(operation))

    def _issued(self, operation: Operation) -> None:
        if operation.kind == ops.TASK:
            self._tell(events.TaskDispatched, **self._task(operation))
        elif operation.kind == ops.TIMER:
            self._tell(events.TimerSet, number=operation.number, due=operation.due)
        elif operation.kind in _REMOTE_STARTS:
            self._tell(_REMOTE_STARTS[operation.kind], **_remote(operation))

    def _ended(self, operation: Operation, status: str) -> None:
        if operation.kind == ops.TASK and status in _TASK_ENDS:
            self._tell(_TASK_ENDS[status], **self._task(operation))
        elif operation.kind == ops.TASK:
            self._tell(events.TaskFailed, failure=_failure(operation.outcome), **self._task(operation))
        elif operation.kind == ops.TIMER:
            kind = events.TimerFired if status == "completed" else events.TimerRemoved
            self._tell(kind, number=operation.number)
        elif operation.kind in _REMOTE_ENDS:
            self._tell(_REMOTE_ENDS[operation.kind], status=status, **_remote(operation))

    def _method_ended(self, method: str, method_id: str, outcome: Outcome) -> None:
        kind = _METHOD_ENDS.get(type(outcome))
        if kind is None:
            self._tell(events.MethodFailed, method=method, method_id=method_id, failure=_failure(outcome))
        else:
            self._tell(kind, method=method, method_id=method_id)

    def _status(self, live: Live) -> None:
        head = live.state
        if head.status == self._was:
            return
        if head.is_closed:
            self._taken_down(head.outcome)
        if head.status == state.COMPLETED:
            self._tell(events.WorkflowCompleted)
        elif head.status == state.CANCELLED:
            self._tell(events.WorkflowCancelled, reason=head.reason)
        elif head.status == state.TIMED_OUT:
            self._tell(events.WorkflowTimedOut)
        elif head.status == state.FAILED:
            self._tell(events.WorkflowFailed, failure=_failure(head.outcome))
        elif head.status == state.BLOCKED:
            self._tell(events.WorkflowBlocked, reason=head.reason)
        if head.is_closed and live.begun is not None and posts.tags_of(live.begun):
            self._tell(events.TagsRemoved, tags=posts.tags_of(live.begun))

    def _taken_down(self, outcome: Outcome | None) -> None:
        """Tell what ends with the run: timers, and unless it completed, what runs elsewhere for it."""
        for operation in self._open:
            goes_on = isinstance(outcome, Completed) or operation.kind == ops.CALL
            if operation.kind == ops.TIMER or not (goes_on or (operation.child and operation.child.detached)):
                self._ended(operation, "cancelled")

    def _task(self, operation: Operation) -> dict[str, Any]:
        service, _, name = operation.name.rpartition(".")
        identity = task_id(self._run, operation.number)
        return {"number": operation.number, "service": service, "task": name, "task_id": identity}


def _remote(operation: Operation) -> dict[str, Any]:
    workflow, _, method = operation.name.rpartition(".")
    where = {"target_workflow": workflow, "target_id": instance_of(operation), "target_method": method}
    return {"number": operation.number, **where}


def _failure(outcome: Outcome | None) -> Failure:
    return outcome.failure if isinstance(outcome, Failed) else Failure("", "")
