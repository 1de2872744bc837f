"""What a node can be told, with the defaults that hold when nobody says anything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from leveret.retry import RetryPolicy

DAY: Final = 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """How long ended instances can still be asked for; then they vanish completely."""

    closed_seconds: float = DAY
    """After completion, cancellation or timeout."""
    closed_count: int = 100_000
    """Most closed instances kept per workflow type; the oldest go first."""
    failed_seconds: float = 30 * DAY
    """After a failure that nobody mended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceSettings:
    """What a file or a registration says of one service; stronger than its code."""

    retry: RetryPolicy | None = None
    timeout: float | None = None
    """Seconds of one attempt; 0 is none."""
    concurrency: int | None = None
    """Most tasks at once in this node."""


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
    """Seconds that workflow code may take for one step before it is reported, with its stack; 0 is no limit."""
    retention: Retention = field(default_factory=Retention)
    services: Mapping[str, ServiceSettings] = field(default_factory=dict[str, ServiceSettings])
