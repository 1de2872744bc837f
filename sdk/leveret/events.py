"""What happened, typed: the events of workflows and of services.

The name of a class without its `Workflow` or `ServiceTask` in front is the event's type: `WorkflowCompleted` is
`completed` of a workflow, `TaskFailed` is `taskFailed`, `ServiceTaskStarted` is `started` of a service.
"""

from __future__ import annotations

from typing import Final, TypeAlias

import msgspec

from leveret_broker.outcome import Failure

NEVER: Final = 0.0
"""This very number is left out where an event is encoded: its envelope has the time."""


class Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something that happened."""

    id: str = ""
    """The same whenever the event comes again."""
    at: float = NEVER
    """Unix time: of the turn by the store's clock, or of the worker."""

    @property
    def type(self) -> str:
        """`completed`, `taskFailed`, …: as it is published."""
        return type_of(type(self))


class WorkflowEvent(Event, frozen=True, kw_only=True):
    """Something that happened to one instance."""

    workflow: str
    instance: str
    run: str
    """Empty for an instance that does not exist."""


# -- the instance ---------------------------------------------------------------------------------------------------


class WorkflowDispatched(WorkflowEvent, frozen=True, kw_only=True):
    """A run began."""

    method: str
    tags: tuple[str, ...] = ()
    meta: dict[str, str] = {}
    parent: str = ""
    """Id of the instance whose child it is."""


class WorkflowCompleted(WorkflowEvent, frozen=True, kw_only=True):
    """The run is over: its main method returned, and no other method runs."""


class WorkflowContinued(WorkflowEvent, frozen=True, kw_only=True):
    """The run is over: the next one of the same id has begun."""

    next_run: str


class WorkflowFailed(WorkflowEvent, frozen=True, kw_only=True):
    """A failure escaped the main method; the instance is kept and can be resumed."""

    failure: Failure


class WorkflowCancelled(WorkflowEvent, frozen=True, kw_only=True):
    """The run was cancelled."""

    reason: str = ""


class WorkflowTimedOut(WorkflowEvent, frozen=True, kw_only=True):
    """The workflow timeout passed."""


class WorkflowBlocked(WorkflowEvent, frozen=True, kw_only=True):
    """The code cannot run: no wrong result, nothing is sent until code comes that can."""

    reason: str


class WorkflowUnblocked(WorkflowEvent, frozen=True, kw_only=True):
    """The code runs again."""


class JournalLong(WorkflowEvent, frozen=True, kw_only=True):
    """The journal grew past a bound at which loading it begins to cost: think of beginning a new run."""

    entries: int
    """Events and commands."""
    bytes: int


class TagsAdded(WorkflowEvent, frozen=True, kw_only=True):
    """The instance carries these from now on."""

    tags: tuple[str, ...]


class TagsRemoved(WorkflowEvent, frozen=True, kw_only=True):
    """The instance does not carry these any more."""

    tags: tuple[str, ...]


class RetryRequested(WorkflowEvent, frozen=True, kw_only=True):
    """An operator, or a workflow, wants tasks sent again, or code run again."""

    tasks: tuple[str, ...] = ()
    """Ids of the tasks and children that are; none where only code runs again."""


# -- methods --------------------------------------------------------------------------------------------------------


class MethodEvent(WorkflowEvent, frozen=True, kw_only=True):
    """About one method of an instance."""

    method: str
    method_id: str
    """`main` for the one that the start named."""


class MethodDispatched(MethodEvent, frozen=True, kw_only=True):
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


class CommandEvent(WorkflowEvent, frozen=True, kw_only=True):
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


class TimerDispatched(CommandEvent, frozen=True, kw_only=True):
    """A durable timer is set."""

    due: float
    """Unix time."""


class TimerCompleted(CommandEvent, frozen=True, kw_only=True):
    """It was due, or completed by an operator."""


class TimerCancelled(CommandEvent, frozen=True, kw_only=True):
    """Nobody waits for it any more."""


class RemoteMethodEvent(CommandEvent, frozen=True, kw_only=True):
    """About a child's main method, or a method called on another instance."""

    target_workflow: str
    target_instance: str
    """Empty for all with a tag."""
    target_method: str
    child: bool = False


class RemoteMethodDispatched(RemoteMethodEvent, frozen=True, kw_only=True):
    """The start of the child, or the call, is on its way."""


class RemoteMethodCompleted(RemoteMethodEvent, frozen=True, kw_only=True):
    """Its result is there."""


class RemoteMethodFailed(RemoteMethodEvent, frozen=True, kw_only=True):
    """It failed; or there is no such instance, or run of it."""

    failure: Failure


class RemoteMethodTimedOut(RemoteMethodEvent, frozen=True, kw_only=True):
    """The timeout of the other workflow passed."""


class RemoteMethodCancelled(RemoteMethodEvent, frozen=True, kw_only=True):
    """It was cancelled, or nobody wants its result any more."""


# -- signals --------------------------------------------------------------------------------------------------------


class SignalReceived(WorkflowEvent, frozen=True, kw_only=True):
    """A signal was accepted."""

    channel: str
    message_id: str


class SignalDiscarded(WorkflowEvent, frozen=True, kw_only=True):
    """A signal found nobody: a closed or unknown instance, a channel without a receiver, a tag that nobody carries.

    A signal that its channel could not take is told as well; it is a dead letter besides.
    """

    channel: str
    reason: str
    message_id: str = ""
    """Empty where it is not known any more."""
    tag: str = ""
    """The tag that no instance carries; `instance` and `run` are empty then."""


class SignalDispatched(CommandEvent, frozen=True, kw_only=True):
    """The instance sent a signal to another one, or to all with a tag."""

    target_workflow: str
    target_instance: str
    """Empty for all with a tag."""
    channel: str


# -- services -------------------------------------------------------------------------------------------------------


class ServiceEvent(Event, frozen=True, kw_only=True):
    """Something that happened to one task, told by its worker."""

    service: str
    task: str
    task_id: str
    workflow: str = ""
    """The workflow that wants it done; empty for a client."""
    instance: str = ""


class ServiceTaskDispatched(ServiceEvent, frozen=True, kw_only=True):
    """It had been sent to the service, at the time of this event; told when a worker takes it."""


class AttemptEvent(ServiceEvent, frozen=True, kw_only=True):
    """About one attempt of a task."""

    attempt: int
    worker: str


class ServiceTaskStarted(AttemptEvent, frozen=True, kw_only=True):
    """An attempt began."""


class ServiceTaskCompleted(AttemptEvent, frozen=True, kw_only=True):
    """Its function returned."""


class ServiceTaskRetryScheduled(AttemptEvent, frozen=True, kw_only=True):
    """An attempt failed, and the next one will come."""

    failure: Failure
    delay: float
    """Seconds until then."""


class ServiceTaskFailed(AttemptEvent, frozen=True, kw_only=True):
    """It is out of retries, or became a dead letter."""

    failure: Failure


class ServiceTaskDelegationCompleted(AttemptEvent, frozen=True, kw_only=True):
    """A delegated task was completed from outside."""


# -- the vocabulary -------------------------------------------------------------------------------------------------

EventType: TypeAlias = type[Event]


def _leaves(kind: EventType) -> list[EventType]:
    """Return the classes below one that have nothing below them."""
    below = kind.__subclasses__()
    return [leaf for one in below for leaf in _leaves(one)] if below else [kind]


def _named(kind: EventType) -> str:
    name = kind.__name__.removeprefix("Workflow").removeprefix("ServiceTask")
    return name[0].lower() + name[1:]


WORKFLOW_EVENTS: Final = {_named(kind): kind for kind in _leaves(WorkflowEvent)}
"""By type."""
SERVICE_EVENTS: Final = {_named(kind): kind for kind in _leaves(ServiceEvent)}
"""By type."""
LIFECYCLE: Final = frozenset(
    {"dispatched", "continued", "completed", "failed", "blocked", "unblocked", "cancelled", "timedOut"}
)
"""The types of workflow events that say how a run stands."""

_TYPES: Final = {kind: name for table in (WORKFLOW_EVENTS, SERVICE_EVENTS) for name, kind in table.items()}


def type_of(kind: EventType) -> str:
    """Return the type of events of a class; raises `KeyError` for one that only others derive from."""
    return _TYPES[kind]
