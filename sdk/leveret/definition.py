"""What decorators find out about workflow and service classes: plain, frozen facts that client and engine share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

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
    sync: bool = False
    """True: runs in a thread."""


@dataclass(frozen=True, slots=True)
class ServiceDefinition:
    """A class of remote functions."""

    name: str
    cls: type[Any]
    tasks: Mapping[str, TaskDefinition]
    """By wire name."""
    concurrency: int = 0
    """Most tasks at once in one node; 0 is the node's default."""
    implemented: bool = True


@dataclass(frozen=True, slots=True)
class ServiceInstance:
    """A service object registered with a node."""

    definition: ServiceDefinition
    target: Any
    functions: Mapping[str, Callable[..., Any]] = field(default_factory=dict[str, Callable[..., Any]])
    """Bound functions by wire name."""
