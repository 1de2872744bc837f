"""What workflows and clients ask others to do, a class each: tasks, children, methods, signals, verbs, tags.

Arguments are payloads already: what cannot be encoded never gets here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from leveret.start_options import StartPlan
from leveret.verbs import TaskChoice
from leveret_broker.address import NORMAL, Priority
from leveret_broker.codec import Payload
from leveret_broker.envelope import Description, Done


@dataclass(frozen=True, slots=True)
class TaskCall:
    """A task to run."""

    service: str
    name: str
    arguments: Payload
    result: Any = Any
    """Type expression that the result is decoded to."""
    timeout: float = 0.0
    """Contract timeout in seconds, all attempts included; 0 is none."""
    tags: tuple[str, ...] = ()
    meta: Mapping[str, str] = field(default_factory=dict[str, str])
    priority: Priority = NORMAL


@dataclass(frozen=True, slots=True)
class Receive:
    """Signals wanted from a channel."""

    channel: str
    accepts: Callable[[Any], bool] | None = None
    """Given a decoded signal, tells whether this receiver wants it; must be pure."""
    count: int | None = None
    """None: one value. A number: a list of that many."""


@dataclass(frozen=True, slots=True)
class ChildCall:
    """A workflow to start."""

    plan: StartPlan
    method: str
    """Wire name."""
    arguments: Payload
    result: Any = Any
    """Type expression that the result is decoded to."""
    detached: bool = False
    """It goes on when this run is cancelled or times out."""


@dataclass(frozen=True, slots=True)
class Target:
    """Another instance, or, with a tag, all instances that carry it; for clients also a task that one called."""

    workflow: str
    id: str = ""
    tag: str = ""
    task: str = ""
    """`<Service>.<task>` of a task without a workflow; `id` is the task's."""

    def __str__(self) -> str:
        """Name it."""
        return f"{self.workflow} with tag {self.tag!r}" if self.tag else f"{self.workflow or self.task} {self.id!r}"


@dataclass(frozen=True, slots=True)
class MethodCall:
    """A method to run in a running instance; by tag in all of them, and then nothing comes back."""

    target: Target
    method: str
    """Wire name."""
    arguments: Payload
    result: Any = Any
    """Type expression that the result is decoded to."""
    query: bool = False
    """It only reads: closed instances answer as well."""
    message_id: str = ""
    """The receiver runs a second one with the same id no more; empty: derived from the command."""


@dataclass(frozen=True, slots=True)
class SignalCall:
    """A signal to send."""

    target: Target
    channel: str
    value: Payload
    message_id: str = ""
    """The receiver drops a second one with the same id; empty: derived from the command."""


@dataclass(frozen=True, slots=True)
class CancelCall:
    """An instance to cancel, or all with a tag."""

    target: Target
    reason: str = ""
    force: bool = False
    """It ends without its code."""


@dataclass(frozen=True, slots=True)
class VerbCall:
    """What an operator does with an instance, or with all that have a tag, done by a workflow."""

    target: Target
    verb: Literal["retry_tasks", "retry_workflow_task", "complete_timers", "describe"]
    tasks: TaskChoice = field(default_factory=TaskChoice)
    """Which ones `retry_tasks` means."""
    method: str = ""
    """Method id: only the timers of this method; empty is all."""

    @property
    def result(self) -> type[Description | Done]:
        """Type of the answer."""
        return Description if self.verb == "describe" else Done


@dataclass(frozen=True, slots=True)
class TagCall:
    """A tag to carry from now on, or not any more."""

    tag: str
    remove: bool = False

    @property
    def result(self) -> Any:
        """Type of the answer."""
        return None
