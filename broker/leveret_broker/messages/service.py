"""Messages to services and, by the control exchange, to every node."""

from __future__ import annotations

from leveret_broker.codec import Payload
from leveret_broker.messages.base import ClientCaller, MessageBase, WorkflowCaller
from leveret_broker.outcome import Failure


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


class CancelTask(MessageBase, frozen=True, tag="untask"):
    """Stop this task where it runs, or drop it when it comes."""

    task_id: str
    """With its sequence (`sequence_key`): an operator's retry of a cancelled task runs."""
    until: float
    """Unix time after which nobody needs to remember this."""
