"""What decorators find out about workflow and service classes: plain, frozen facts that client and engine share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from leveret.per_key import PerKey
from leveret.rate import Rate
from leveret.retry import RetryPolicy
from leveret.signature import MethodSignature


@dataclass(frozen=True, slots=True)
class ChannelDefinition:
    """A channel of a workflow."""

    name: str
    """Name on the wire."""
    kind: Any
    """Type expression of its values; `Any` when untyped."""
    buffered: bool = True
    """Keep signals that come before a `receive`."""
    attribute: str = ""
    """Name in the class; empty is the same as `name`."""


@dataclass(frozen=True, slots=True)
class MethodDefinition:
    """An async method of a workflow that clients can start or call."""

    name: str
    """Name on the wire."""
    attribute: str
    """Name in the class."""
    signature: MethodSignature


@dataclass(frozen=True, slots=True)
class WorkflowDefinition:
    """A class of process."""

    name: str
    version: int
    cls: type[Any]
    methods: Mapping[str, MethodDefinition]
    """By wire name."""
    channels: Mapping[str, ChannelDefinition]
    """By wire name."""
    timeout: float = 0.0
    """Workflow timeout in seconds; 0 is none."""
    check: str = "names"
    """What a replay compares: `names` (kind, name, number) or `strict` (the arguments too)."""
    implemented: bool = True
    """False for a contract (Protocol or ABC) that only callers use."""
    queries: Mapping[str, MethodDefinition] = field(default_factory=dict[str, MethodDefinition])
    """Read-only methods, by wire name."""

    @property
    def only_method(self) -> str:
        """Wire name of the method that a start without one means; empty when there are several."""
        return next(iter(self.methods)) if len(self.methods) == 1 else ""


@dataclass(frozen=True, slots=True)
class Batching:
    """How calls of a task are gathered."""

    max: int
    """Most calls of a batch."""
    seconds: float
    """How long the first one waits for others."""
    key: Callable[[Any], Any] | None = None
    """Given a `service.Call`, returns what those of one batch have in common."""


@dataclass(frozen=True, slots=True)
class TaskDefinition:
    """A function of a service."""

    name: str
    """Name on the wire."""
    attribute: str
    signature: MethodSignature
    retry: RetryPolicy | None = None
    """The strongest policy of code (method over class); None is no retry."""
    timeout: float = 0.0
    """Seconds of one attempt; 0 is none."""
    grace: float | None = None
    """Seconds between being told to stop and being given up; None: nobody said."""
    sync: bool = False
    """True: runs in a thread."""
    process: bool = False
    """True: runs in a process, by an object that is made there."""
    batching: Batching | None = None
    """None: one call at a time; else its signature is a `BatchSignature`."""
    heartbeat: float = 0.0
    """Seconds of silence after which an attempt is stopped; 0: it may be silent."""
    delegated: MethodSignature | None = None
    """Of the contract, for a task that goes on when its function has returned: what completes it must fit."""


@dataclass(frozen=True, slots=True)
class ServiceDefinition:
    """A class of remote functions."""

    name: str
    cls: type[Any]
    tasks: Mapping[str, TaskDefinition]
    """By wire name."""
    concurrency: int = 0
    """Most tasks at once in one node; 0 is the node's default."""
    rate: Rate | None = None
    """How many attempts may begin in how much time, over all nodes; None is without limit."""
    priorities: bool = False
    """It has a queue for each priority."""
    per_key: PerKey | None = None
    """Limits for tasks that have something in common."""
    implemented: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskSettings:
    """What a registration or the file says of one task, or of all tasks of a service; None says nothing."""

    retry: RetryPolicy | None = None
    timeout: float | None = None
    """Seconds of one attempt; 0 is none."""
    grace: float | None = None
    """Seconds that a function gets between being told to stop and being given up."""
    heartbeat: float | None = None
    """Seconds of silence after which an attempt is stopped, not for batches; 0: it may be silent."""
    batch_max: int | None = None
    """Most calls of a batch, for tasks that run in batches."""
    batch_seconds: float | None = None
    """How long the first call of a batch waits for others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceSettings(TaskSettings):
    """What a registration or the file says of one service."""

    concurrency: int | None = None
    """Most tasks at once in this node."""
    rate: Rate | None = None
    """How many attempts may begin in how much time, over all nodes."""
    priorities: bool | None = None
    """It has a queue for each priority."""
    per_key: PerKey | None = None
    """Limits for tasks that have something in common; an empty key is the one that was said before."""
    tasks: Mapping[str, TaskSettings] = field(default_factory=dict[str, TaskSettings])
    """By wire name; what is said of one task is stronger than what is said of all."""


@dataclass(frozen=True, slots=True)
class ServiceInstance:
    """A service object registered with a node."""

    definition: ServiceDefinition
    target: Any
    functions: Mapping[str, Callable[..., Any]] = field(default_factory=dict[str, Callable[..., Any]])
    """Bound functions by wire name."""
    settings: ServiceSettings | None = None
    """What its registration says."""
