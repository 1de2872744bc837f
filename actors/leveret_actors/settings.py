"""What a node can be told, with the defaults that hold when nobody says anything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from leveret import events
from leveret.definition import ServiceSettings, TaskSettings

__all__ = [
    "DAY",
    "EVERYTHING",
    "LIFECYCLE",
    "EventSettings",
    "LeaseSettings",
    "Retention",
    "ServiceSettings",
    "Settings",
    "TaskSettings",
]

DAY: Final = 86_400.0
LIFECYCLE: Final = tuple(f"workflow.#.{name}" for name in sorted(events.LIFECYCLE))
"""Patterns of the events that say how a run stands."""
EVERYTHING: Final = ("#",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """How long ended instances can still be asked for; then they vanish completely."""

    closed_seconds: float = DAY
    """After completion, cancellation or timeout."""
    closed_count: int = 100_000
    """Most closed instances kept per workflow type; the oldest go first."""
    failed_seconds: float = 30 * DAY
    """After a failure that nobody mended."""
    called_seconds: float = DAY
    """After the end of a task that a client called; meanwhile a second call under its id gets its outcome."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseSettings:
    """When the store keeps a task in place of the broker."""

    after: float = 60.0
    """Seconds that an attempt runs before it gets a lease; below half of the broker's acknowledgement timeout."""
    seconds: float = 30.0
    """How long a lease lasts without being renewed; renewed three times meanwhile."""
    wait: float = 1.0
    """Seconds that a task which was delivered before is held back, so that the lease of who runs it can arrive."""
    deaths: int = 5
    """Workers that may die, or fall silent, while they run a task under a lease; then it is a dead letter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventSettings:
    """Which events are published, besides those that registered listeners want."""

    publish: tuple[str, ...] = ()
    """Patterns of routing keys, `*` for a word and `#` for any number: `workflow.#.taskFailed`, `service.Hotel.#`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All numbers of a node."""

    mailboxes: int = 8
    """Mailbox queues per workflow type; the first process of a namespace that uses a type settles it for good."""
    concurrency: int = 32
    """Most tasks of one service at once."""
    grace: float = 30.0
    """Seconds that running tasks get when the node stops."""
    cache_actors: int = 10_000
    """Most actors kept in memory between their turns."""
    cache_bytes: int = 128 * 1024 * 1024
    """Most estimated bytes of those."""
    batch: int = 500
    """Most envelopes and timers decided and committed together."""
    heartbeat: float = 1.0
    """Seconds between the node's signs of life; without one for three of them it counts as gone."""
    step_budget: float = 1.0
    """Seconds that workflow code may take for one step before it is reported, with its stack; 0 is a minute."""
    fold_after: int = 500
    """Records of finished methods at a journal's end from which on one record takes their place; 0 is never."""
    ingress: bool | None = None
    """This node may turn what applications publish as JSON into commands; None: if it hosts workflows."""
    retention: Retention = field(default_factory=Retention)
    leases: LeaseSettings = field(default_factory=LeaseSettings)
    events: EventSettings = field(default_factory=EventSettings)
    services: Mapping[str, ServiceSettings] = field(default_factory=dict[str, ServiceSettings])
