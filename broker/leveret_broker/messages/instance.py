"""Messages to an instance."""

from __future__ import annotations

from leveret_broker.codec import Payload
from leveret_broker.messages.base import Caller, ClientCaller, MessageBase, WorkflowCaller
from leveret_broker.outcome import Outcome


class Start(MessageBase, frozen=True, tag="start"):
    """Begin a run; the envelope's id decides the run id (`run_of`)."""

    method: str
    """Empty: the only one that the workflow has."""
    arguments: Payload
    """Payload of a mapping: parameter name to value."""
    caller: Caller | None = None
    """Who waits for the outcome."""
    tags: tuple[str, ...] = ()
    unique_tag: str = ""
    meta: dict[str, str] = {}
    on_conflict: str = "existing"
    """While a run is open: `existing` or `fail`."""
    on_closed: str = "existing"
    """After the last run has closed: `existing`, `new` or `fail`."""
    timeout: float = 0.0
    """Workflow timeout in seconds; 0 is none."""
    version: int = 0
    """Wanted version; 0 is the highest that the owner has."""
    parent: WorkflowCaller | None = None
    acknowledge: Caller | None = None
    """Who wants a `Started` answer as soon as the start is committed."""


class Signal(MessageBase, frozen=True, tag="signal"):
    """One value for a channel."""

    channel: str
    value: Payload
    patient: bool = False
    """Wait up to a minute for an instance that is not there yet, instead of being discarded at once."""
    caller: Caller | None = None
    """Who wants to know whether it was taken; `Done` counts 1 or 0."""


class Call(MessageBase, frozen=True, tag="call"):
    """Run a method of a running instance beside what runs."""

    method: str
    arguments: Payload
    caller: Caller | None = None
    patient: bool = False
    """Wait up to a minute for an instance that is not there yet, instead of being refused at once."""


class Query(MessageBase, frozen=True, tag="query"):
    """Answer with what a read-only method returns; the instance may be running, failed or closed."""

    method: str
    arguments: Payload
    caller: Caller


class Ended(MessageBase, frozen=True, tag="ended"):
    """The outcome of command `number` of the envelope's run: a task, a child, a call."""

    number: int
    outcome: Outcome
    attempt: int = 0
    worker: str = ""
    sequence: int = 0
    """Of a task: which of its retries by an operator ended; that of an earlier one is dropped."""


class Cancel(MessageBase, frozen=True, tag="cancel"):
    """Cancel the instance, one of its methods (`method` is a method id) or one command."""

    method: str = ""
    number: int = -1
    reason: str = ""
    force: bool = False
    """End the instance without running its code."""
    caller: ClientCaller | None = None
    """Who wants to know what was `Done`."""


class RetryTasks(MessageBase, frozen=True, tag="retry"):
    """Send tasks that ended without a value again, under their ids; resumes an instance that failed by one of them."""

    task_ids: tuple[str, ...] = ()
    """Only these; empty is all."""
    statuses: tuple[str, ...] = ()
    """Only with one of these; empty is `failed` and `timed_out`, and with `task_ids` any."""
    services: tuple[str, ...] = ()
    caller: Caller | None = None


class RetryWorkflow(MessageBase, frozen=True, tag="rework"):
    """Run the turn again in which the instance failed, or what blocks it: its code has been mended."""

    caller: Caller | None = None


class CompleteTimers(MessageBase, frozen=True, tag="timers"):
    """Fire the pending timers now."""

    method: str = ""
    """Only those of the method with this id; empty is all."""
    caller: Caller | None = None


class AwaitResult(MessageBase, frozen=True, tag="await"):
    """Answer with the outcome of the envelope's run (the last one, when empty) as soon as there is one."""

    caller: Caller
    method: str = ""
    """Method id; empty for the main method."""


class Describe(MessageBase, frozen=True, tag="describe"):
    """Answer with a `Description` of the instance."""

    caller: Caller


class ReadHistory(MessageBase, frozen=True, tag="history"):
    """Answer with a page of journal records, the first being number `after` + 1."""

    caller: ClientCaller
    after: int = 0
    limit: int = 100


class Wake(MessageBase, frozen=True, tag="wake"):
    """Nothing: makes the receiver the queue's owner."""
