"""Messages to services and, by the control exchange, to every node."""

from __future__ import annotations

from leveret_broker.address import NORMAL, Priority, ServiceQueue
from leveret_broker.codec import Payload
from leveret_broker.messages.base import ClientCaller, MessageBase, WorkflowCaller
from leveret_broker.outcome import Completed, Failed, Failure, Outcome


class Task(MessageBase, frozen=True, tag="task"):
    """One call of a service."""

    task_id: str
    service: str
    name: str
    arguments: Payload
    caller: WorkflowCaller | ClientCaller | None = None
    """Where the outcome goes; None when nobody waits."""
    attempt: int = 1
    """Counts from 1; rises with each failed attempt."""
    sequence: int = 0
    """How many times an operator had the whole task retried."""
    not_before: float = 0.0
    """Unix time before which a worker sends it up the ladder again."""
    deadline: float = 0.0
    """Unix time of the contract timeout; 0 is none."""
    tags: tuple[str, ...] = ()
    meta: dict[str, str] = {}
    workflow: str = ""
    instance: str = ""
    run: str = ""
    last_failure: Failure | None = None
    deaths: int = 0
    """How many workers died with it, or fell silent, while they held a lease of it."""
    progress: Payload | None = None
    """What the attempt before this one said last of how far it had come."""
    began: float = 0.0
    """Unix time at which the first attempt began; 0 before that."""
    waited: float = 0.0
    """Seconds between the attempt before this one and the time at which this one was to begin."""
    alone: bool = False
    """It runs in no batch with others: one that it was in failed as a whole."""
    timeout: float = 0.0
    """The contract timeout in seconds, for a client that is told that it passed; 0 is none."""
    priority: Priority = NORMAL

    @property
    def queue(self) -> ServiceQueue:
        """Where it belongs."""
        return ServiceQueue(self.service, self.priority)


class AskTask(MessageBase, frozen=True, tag="asktask"):
    """How did, or will, a task end that a client called; goes to its service, of which any worker knows."""

    task_id: str
    caller: ClientCaller


class EndTask(MessageBase, frozen=True, tag="endtask"):
    """A task that a client called is over; goes to its service, a worker of which tells all who wait."""

    task_id: str
    outcome: Outcome
    """Counts unless it has one."""
    sequence: int = -1
    """Only this life of the task; -1 is whichever there is."""
    caller: ClientCaller | None = None
    """Who wants to know as well."""


class SettleTask(MessageBase, frozen=True, tag="settle"):
    """Complete or fail a delegated task; goes to its service, of which any worker can."""

    task_id: str
    outcome: Completed | Failed
    retry: bool = False
    """A failed one is tried again as its policy says."""
    sequence: int = -1
    """Only this life of the task; -1 is whichever is open."""
    caller: ClientCaller | None = None
    """Who wants to know what was `Done`."""


class PauseService(MessageBase, frozen=True, tag="pause"):
    """Write down that a service is paused, or is not: for any node that hears it."""

    service: str
    paused: bool
    caller: ClientCaller
    """Who wants to know what was `Done`."""


class CancelTask(MessageBase, frozen=True, tag="untask"):
    """Stop this task where it runs, or drop it when it comes."""

    task_id: str
    """With its sequence (`sequence_key`): an operator's retry of a cancelled task runs."""
    until: float
    """Unix time after which nobody needs to remember this."""
    reason: str = ""
    """Why, for the function that is stopped."""
