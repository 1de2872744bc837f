"""What is published of a turn: built from what the turn noted, and only where somebody wants it.

The events are posts like the others, so they are part of the turn's commit.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final

import msgspec

from leveret import events
from leveret.calls import SignalCall
from leveret.failure import brief
from leveret_actors.actor import Post
from leveret_actors.voice import Voice
from leveret_actors.workflow import joining, state
from leveret_actors.workflow import operations as ops
from leveret_actors.workflow.asking import MAIN
from leveret_actors.workflow.children import instance_of
from leveret_actors.workflow.course import Line
from leveret_actors.workflow.house import House
from leveret_actors.workflow.instance import Emission, Instance
from leveret_actors.workflow.journal import Begun, Called, Record, Rewound, SignalAccepted, TasksRetried
from leveret_actors.workflow.live import Live
from leveret_actors.workflow.operations import Operation
from leveret_broker.envelope import Envelope
from leveret_broker.ids import message_digest, task_id
from leveret_broker.outcome import Cancelled, Completed, Failed, Failure, Outcome, TimedOut, Unknown

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
_REMOTE_ENDS: Mapping[str, type[events.RemoteMethodEvent]] = {
    "completed": events.RemoteMethodCompleted,
    "cancelled": events.RemoteMethodCancelled,
    "timed_out": events.RemoteMethodTimedOut,
}
_REMOTE: Final = frozenset({ops.CHILD, ops.CALL})
_TAG_CHANGES: Mapping[str, type[events.WorkflowEvent]] = {
    ops.ADD_TAG: events.TagsAdded,
    ops.REMOVE_TAG: events.TagsRemoved,
}


class Silent:
    """Follows a turn of which nobody wants to be told."""

    def found(self, live: Live | None, at: float) -> None:
        """Note what there was before the turn, and its clock."""

    def discarded(self, signal: SignalAccepted, reason: str, envelope: Envelope | None = None) -> None:
        """Note a signal that found nobody."""

    def tried_again(self, digest: bytes) -> None:
        """Note that somebody wants a blocked instance to run."""

    def steps(self, instance: Instance, seen: Collection[int]) -> None:
        """Note what was open before the code runs; of `seen` it saw the end once, before it was rewound."""

    def journalled(
        self, record: Record, emission: Emission | None, origins: Mapping[bytes, Envelope], live: Live
    ) -> None:
        """Note what came, what the code asked for, and what ended."""

    def ended(self, record: Record, live: Live) -> None:
        """Note which methods ended."""

    def takes_down(self, commands: Iterable[Operation | Line]) -> None:
        """Note what is open as the run closes."""

    def rewinds(self, void: Iterable[Line]) -> None:
        """Note what a rewind takes back of what had been asked for."""

    def continued(self, live: Live) -> None:
        """Note that the run is over, and the next one begins."""

    def told(self, live: Live | None) -> list[Post]:  # noqa: ARG002 - the other one asks
        """Return what is published, now that the turn is decided."""
        return []


class Teller(Silent):
    """Follows a turn of which somebody is told."""

    def __init__(self, house: House, key: str, voice: Voice) -> None:
        """Begin with nothing to tell."""
        self._house = house
        self._voice = voice
        self._wanted = voice.types
        self._key = key
        self._run = ""
        self._at = 0.0
        self._was = ""
        self._entries = self._bytes = 0
        self._before: list[tuple[Operation, str]] = []
        self._open: list[Operation | Line] = []
        self._void: list[Line] = []
        self._events: list[tuple[int, events.WorkflowEvent]] = []
        self._count = 0
        self._turn = ""
        """Names the record of this turn, if it has one."""

    def found(self, live: Live | None, at: float) -> None:
        """Note what there was before the turn, and its clock."""
        self._at = at
        if live is not None:
            head = live.state
            self._run, self._was = head.run, head.status
            self._entries, self._bytes = head.entries, head.journal_bytes

    def discarded(self, signal: SignalAccepted, reason: str, envelope: Envelope | None = None) -> None:
        """Note a signal that found nobody."""
        message_id = "" if envelope is None else envelope.id
        what = {"channel": signal.channel, "reason": reason, "message_id": message_id}
        self._tell(events.SignalDiscarded, self._id_by(signal.digest), **what)

    def tried_again(self, digest: bytes) -> None:
        """Note that somebody wants a blocked instance to run."""
        self._tell(events.RetryRequested, self._id_by(digest))

    def steps(self, instance: Instance, seen: Collection[int]) -> None:
        """Note what was open before the code runs; of `seen` it saw the end once, before it was rewound."""
        pending = instance.operations.pending.values()
        self._before = [(operation, operation.status) for operation in pending if operation.number not in seen]

    def journalled(
        self, record: Record, emission: Emission | None, origins: Mapping[bytes, Envelope], live: Live
    ) -> None:
        """Note what came, what the code asked for, and what ended."""
        self._run, self._turn = live.state.run, f"{live.state.run}.{record.number}"
        for event in record.events:
            if isinstance(event, Begun):
                self._begun(event, live)
            elif isinstance(event, Called):
                self._tell(events.MethodDispatched, method=event.method, method_id=event.id)
            elif isinstance(event, SignalAccepted):
                envelope = origins.get(event.digest)
                message_id = "" if envelope is None else envelope.id
                self._tell(events.SignalReceived, channel=event.channel, message_id=message_id)
            elif isinstance(event, TasksRetried | Rewound):
                if isinstance(event, Rewound) and self._was == state.FAILED:
                    self._was = state.RUNNING
                self._retried(event.numbers, live)
        for line in self._void:
            self._ended(line, "cancelled")
        if emission is None:
            return
        if self._was == state.BLOCKED:
            self._tell(events.WorkflowUnblocked)
        for operation, status in self._before:
            if operation.status not in {"ongoing", status}:
                self._ended(operation, operation.status)
        for operation in emission.issued:
            self._issued(operation)
        for signal, reason in (*emission.discarded, *emission.refused):
            self.discarded(signal, reason, origins.get(signal.digest))

    def ended(self, record: Record, live: Live) -> None:
        """Note which methods ended."""
        if record.completion is not None:
            self._method_ended(live.state.method, MAIN, record.completion)
        for end in record.ended:
            call = live.calls.get(end.id)
            self._method_ended("" if call is None else call.name, end.id, end.outcome)

    def takes_down(self, commands: Iterable[Operation | Line]) -> None:
        """Note what is open as the run closes."""
        self._open = list(commands)

    def rewinds(self, void: Iterable[Line]) -> None:
        """Note what a rewind takes back of what had been asked for."""
        self._void = list(void)

    def continued(self, live: Live) -> None:
        """Note that the run is over, and the next one begins."""
        assert live.begun is not None
        self._taken_down(None)
        self._tell(events.WorkflowContinued, next_run=live.begun.run)
        self._run = live.begun.run
        self._begun(live.begun, live)

    def told(self, live: Live | None) -> list[Post]:
        """Return what is published, now that the turn is decided."""
        if live is not None and live.state.run:
            self._status(live)
            head, settings = live.state, self._house.settings
            was_long = self._entries > settings.long_entries or self._bytes > settings.long_bytes
            if not was_long and (head.entries > settings.long_entries or head.journal_bytes > settings.long_bytes):
                self._tell(events.JournalLong, entries=head.entries, bytes=head.journal_bytes)
            self._turn = self._turn or f"{head.run}.{head.records}+"
        return [self._post(event, index) for index, event in self._events]

    # -- one thing after the other ------------------------------------------------------------------------------------

    def _post(self, event: events.WorkflowEvent, index: int) -> Post:
        named = event if event.id else msgspec.structs.replace(event, id=f"{self._turn}.{index}")
        return Post(*self._voice.message(named))

    def _tell(self, kind: type[events.WorkflowEvent], identity: str = "", /, **what: Any) -> None:
        """Note an event; one that no journal has brings its own id.

        All are counted, also those that nobody wants: an id does not depend on who listens.
        """
        index, self._count = self._count, self._count + 1
        if events.type_of(kind) in self._wanted:
            common = {"workflow": self._house.kind, "instance": self._key, "run": self._run}
            self._events.append((index, kind(id=identity, at=self._at, **common, **what)))

    def _id_by(self, digest: bytes) -> str:
        """Return the id of what comes of a message that leaves no record: the same when it is delivered again."""
        return message_digest(f"{self._house.kind}/{self._key}/{digest.hex()}").hex()

    def _begun(self, begun: Begun, live: Live) -> None:
        self._was = state.RUNNING
        self._entries = self._bytes = 0
        parent = "" if begun.parent is None else begun.parent.instance
        tags = joining.tags_of(begun)
        self._tell(events.WorkflowDispatched, method=begun.method, tags=tags, meta=dict(live.state.meta), parent=parent)
        if tags and not live.state.chain:  # the next run of a chain carries what the first one has joined
            self._tell(events.TagsAdded, tags=tags)

    def _retried(self, numbers: Iterable[int], live: Live) -> None:
        self._tell(events.RetryRequested, tasks=tuple(task_id(live.state.run, number) for number in numbers))

    def _issued(self, operation: Operation) -> None:
        if operation.kind == ops.TASK:
            self._tell(events.TaskDispatched, **self._task(operation))
        elif operation.kind == ops.TIMER:
            self._tell(events.TimerDispatched, number=operation.number, due=operation.due)
        elif operation.kind in _TAG_CHANGES:
            self._tell(_TAG_CHANGES[operation.kind], tags=(operation.name,))
        elif operation.kind in _REMOTE:
            self._tell(events.RemoteMethodDispatched, **_remote(operation))
        elif operation.kind == ops.SIGNAL:
            self._tell(events.SignalDispatched, **_signal(operation))

    def _ended(self, operation: Operation | Line, status: str) -> None:
        if operation.kind == ops.TASK and status in _TASK_ENDS:
            self._tell(_TASK_ENDS[status], **self._task(operation))
        elif operation.kind == ops.TASK:
            self._tell(events.TaskFailed, failure=_failure(operation.outcome), **self._task(operation))
        elif operation.kind == ops.TIMER:
            kind = events.TimerCompleted if status == "completed" else events.TimerCancelled
            self._tell(kind, number=operation.number)
        elif operation.kind in _REMOTE and status in _REMOTE_ENDS:
            self._tell(_REMOTE_ENDS[status], **_remote(operation))
        elif operation.kind in _REMOTE:
            self._tell(events.RemoteMethodFailed, failure=_failure(operation.outcome), **_remote(operation))

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
        if head.is_closed and (tags := joining.tags_of(head)):
            self._tell(events.TagsRemoved, tags=tags)

    def _taken_down(self, outcome: Outcome | None) -> None:
        """Tell what ends with the run: timers, and unless it completed, what runs elsewhere for it."""
        for operation in self._open:
            goes_on = isinstance(outcome, Completed) or operation.kind == ops.CALL
            if operation.kind == ops.TIMER or not (goes_on or (operation.child and operation.child.detached)):
                self._ended(operation, "cancelled")

    def _task(self, operation: Operation | Line) -> dict[str, Any]:
        service, _, name = operation.name.rpartition(".")
        identity = task_id(self._run, operation.number)
        return {"number": operation.number, "service": service, "task": name, "task_id": identity}


def teller(house: House, key: str) -> Silent:
    """Return who follows a turn of an instance."""
    if house.voice is None or not house.voice.types:
        return Silent()
    return Teller(house, key, house.voice)


def _remote(operation: Operation | Line) -> dict[str, Any]:
    workflow, _, method = operation.name.rpartition(".")
    where = {"target_workflow": workflow, "target_instance": instance_of(operation), "target_method": method}
    return {"number": operation.number, "child": operation.kind == ops.CHILD, **where}


def _signal(operation: Operation) -> dict[str, Any]:
    call = operation.call
    assert isinstance(call, SignalCall)
    target = call.target
    where = {"target_workflow": target.workflow, "target_instance": target.id, "channel": call.channel}
    return {"number": operation.number, **where}


def _failure(outcome: Outcome | None) -> Failure:
    if isinstance(outcome, Unknown):
        return Failure("leveret.errors.WorkflowUnknown", "there is no such instance or run", where=outcome.where)
    return brief(outcome.failure) if isinstance(outcome, Failed) else Failure("", "")
