"""What a listener of a node is told: the events of committed turns, typed.

`Node(..., listeners=[callable])` calls each listener with each event, in order, once the turn that it belongs to is
committed. Listeners run on the node's event loop: they must be quick, and what they raise is logged. They are told at
most once: what a node committed right before it died, no listener hears; the journal has it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import msgspec

from leveret_broker.outcome import Failure


def _camel(name: str) -> str:
    return name[0].lower() + name[1:]


class Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag=_camel):
    """Something that happened to one instance."""

    workflow: str
    id: str
    run: str
    """Empty for an instance that does not exist."""
    at: float
    """Unix time of the turn, by the store's clock."""

    @property
    def name(self) -> str:
        """`workflowStarted`, `taskFailed`, …: as it will be published."""
        return _camel(type(self).__name__)


Listener: TypeAlias = Callable[[Event], object]


# -- the instance ---------------------------------------------------------------------------------------------------


class WorkflowStarted(Event, frozen=True, kw_only=True):
    """A run began."""

    method: str
    tags: tuple[str, ...] = ()
    meta: dict[str, str] = {}
    parent: str = ""
    """Id of the instance whose child it is."""


class WorkflowCompleted(Event, frozen=True, kw_only=True):
    """The run is over: its main method returned, and no other method runs."""


class WorkflowContinued(Event, frozen=True, kw_only=True):
    """The run is over: the next one of the same id has begun."""

    next_run: str


class WorkflowFailed(Event, frozen=True, kw_only=True):
    """A failure escaped the main method; the instance is kept and can be resumed."""

    failure: Failure


class WorkflowCancelled(Event, frozen=True, kw_only=True):
    """The run was cancelled."""

    reason: str = ""


class WorkflowTimedOut(Event, frozen=True, kw_only=True):
    """The workflow timeout passed."""


class WorkflowBlocked(Event, frozen=True, kw_only=True):
    """The code cannot run: no wrong result, nothing is sent until code comes that can."""

    reason: str


class WorkflowUnblocked(Event, frozen=True, kw_only=True):
    """The code runs again."""


class JournalLong(Event, frozen=True, kw_only=True):
    """The journal grew past a bound at which loading it begins to cost: think of beginning a new run."""

    entries: int
    """Events and commands."""
    bytes: int


class TagsAdded(Event, frozen=True, kw_only=True):
    """The instance carries these from now on."""

    tags: tuple[str, ...]


class TagsRemoved(Event, frozen=True, kw_only=True):
    """The instance does not carry these any more."""

    tags: tuple[str, ...]


# -- methods --------------------------------------------------------------------------------------------------------


class MethodEvent(Event, frozen=True, kw_only=True):
    """About one method of an instance."""

    method: str
    method_id: str
    """`main` for the one that the start named."""


class MethodStarted(MethodEvent, frozen=True, kw_only=True):
    """A method was called beside what runs."""


class MethodCompleted(MethodEvent, frozen=True, kw_only=True):
    """It returned."""


class MethodFailed(MethodEvent, frozen=True, kw_only=True):
    """A failure escaped it."""

    failure: Failure


class MethodCancelled(MethodEvent, frozen=True, kw_only=True):
    """It was cancelled."""


class MethodTimedOut(MethodEvent, frozen=True, kw_only=True):
    """The workflow timeout passed."""


# -- commands -------------------------------------------------------------------------------------------------------


class CommandEvent(Event, frozen=True, kw_only=True):
    """Something that the code asked for."""

    number: int
    """Of the command, unique in the run."""


class TaskEvent(CommandEvent, frozen=True, kw_only=True):
    """About a task."""

    service: str
    task: str
    task_id: str


class TaskDispatched(TaskEvent, frozen=True, kw_only=True):
    """It is on its way to its service."""


class TaskCompleted(TaskEvent, frozen=True, kw_only=True):
    """Its result is there."""


class TaskFailed(TaskEvent, frozen=True, kw_only=True):
    """It is out of retries, or became a dead letter."""

    failure: Failure


class TaskCancelled(TaskEvent, frozen=True, kw_only=True):
    """Nobody wants it any more."""


class TaskTimedOut(TaskEvent, frozen=True, kw_only=True):
    """Its contract timeout passed."""


class TaskRetried(TaskEvent, frozen=True, kw_only=True):
    """An operator had it sent again."""


class TimerSet(CommandEvent, frozen=True, kw_only=True):
    """A durable timer is set."""

    due: float
    """Unix time."""


class TimerFired(CommandEvent, frozen=True, kw_only=True):
    """It was due, or completed by an operator."""


class TimerRemoved(CommandEvent, frozen=True, kw_only=True):
    """Nobody waits for it any more."""


class RemoteEvent(CommandEvent, frozen=True, kw_only=True):
    """About a child, or a method called on another instance."""

    target_workflow: str
    target_id: str
    """Empty for all with a tag."""
    target_method: str


class ChildDispatched(RemoteEvent, frozen=True, kw_only=True):
    """Its start is on its way."""


class ChildEnded(RemoteEvent, frozen=True, kw_only=True):
    """It ended, as far as this instance is concerned."""

    status: str
    """`completed`, `failed`, `cancelled`, `timed_out`, `unknown`."""


class CallDispatched(RemoteEvent, frozen=True, kw_only=True):
    """The call is on its way."""


class CallEnded(RemoteEvent, frozen=True, kw_only=True):
    """The called method ended, as far as this instance is concerned."""

    status: str
    """As for `ChildEnded`."""


# -- signals --------------------------------------------------------------------------------------------------------


class SignalReceived(Event, frozen=True, kw_only=True):
    """A signal was accepted."""

    channel: str
    message_id: str


class SignalDiscarded(Event, frozen=True, kw_only=True):
    """A signal found nobody: a closed or unknown instance, or an unbuffered channel without a receiver.

    A signal that its channel could not take is told as well; it is a dead letter besides.
    """

    channel: str
    reason: str
    message_id: str = ""
    """Empty where it is not known any more."""
