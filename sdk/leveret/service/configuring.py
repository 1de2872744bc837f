"""`service.configured`: what a registration says of a service; stronger than its code, weaker than the file."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from leveret.contract import Duration, seconds_or_zero
from leveret.definition import ServiceSettings, TaskSettings
from leveret.per_key import PerKey
from leveret.rate import Rate, rate_of
from leveret.retry import RetryPolicy
from leveret_broker.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Configured:
    """A service to be registered, and what its registration says of it."""

    target: object
    settings: ServiceSettings

    def __post_init__(self) -> None:
        """Refuse to say two things of one service."""
        if isinstance(self.target, Configured):
            raise ConfigurationError("this service is configured already: say all of it in one service.configured()")


def configured(
    target: object,
    /,
    *,
    retry: RetryPolicy | None = None,
    timeout: Duration | None = None,
    grace: Duration | None = None,
    heartbeat: Duration | None = None,
    batch_max: int | None = None,
    batch_seconds: Duration | None = None,
    concurrency: int | None = None,
    rate: float | Rate | None = None,
    priorities: bool | None = None,
    per_key: PerKey | None = None,
    tasks: Mapping[str, TaskSettings] | None = None,
) -> Configured:
    """Return a service for `Node(services=[...])` with settings of its own: stronger than code, weaker than the file.

    Arguments:
        target: what `Node` takes: a service object, a class without arguments, or a function that makes one.
        retry: what follows a failed attempt of any task.
        timeout: of one attempt, a timedelta or seconds; 0 is none.
        grace: as in `service.task`.
        heartbeat: as in `service.task`; 0 is none.
        batch_max: most calls of a batch, for tasks that run in batches.
        batch_seconds: how long the first call of a batch waits for others, a timedelta or seconds.
        concurrency: most tasks at once in this node.
        rate: as in `service.define`; all nodes of the service should say the same.
        priorities: as in `service.define`; all nodes of the service should say the same.
        per_key: as in `service.define`; all nodes of the service should say the same.
        tasks: by wire name what holds for one task: `{"book": service.task_settings(retry=...)}`.

    Raises `ConfigurationError` for an unusable number.
    """
    if concurrency is not None and concurrency < 1:
        raise ConfigurationError(f"service.configured: concurrency must be 1 or more, not {concurrency!r}")
    every = task_settings(
        retry=retry,
        timeout=timeout,
        grace=grace,
        heartbeat=heartbeat,
        batch_max=batch_max,
        batch_seconds=batch_seconds,
    )
    settings = ServiceSettings(
        retry=retry,
        timeout=every.timeout,
        grace=every.grace,
        heartbeat=every.heartbeat,
        batch_max=every.batch_max,
        batch_seconds=every.batch_seconds,
        concurrency=concurrency,
        rate=rate_of(rate),
        priorities=priorities,
        per_key=per_key,
        tasks=dict(tasks or {}),
    )
    return Configured(target, settings)


def task_settings(
    *,
    retry: RetryPolicy | None = None,
    timeout: Duration | None = None,
    grace: Duration | None = None,
    heartbeat: Duration | None = None,
    batch_max: int | None = None,
    batch_seconds: Duration | None = None,
) -> TaskSettings:
    """Return what a registration says of one task; see `configured`."""
    if batch_max is not None and batch_max < 1:
        raise ConfigurationError(f"batch_max must be 1 or more, not {batch_max!r}")
    limit = None if timeout is None else seconds_or_zero("the timeout", timeout)
    patience = None if grace is None else seconds_or_zero("the grace", grace)
    silence = None if heartbeat is None else seconds_or_zero("the heartbeat", heartbeat)
    wait = None if batch_seconds is None else seconds_or_zero("batch_seconds", batch_seconds)
    return TaskSettings(
        retry=retry, timeout=limit, grace=patience, heartbeat=silence, batch_max=batch_max, batch_seconds=wait
    )


def check_tasks(service: str, settings: ServiceSettings, known: Collection[str], where: str) -> None:
    """Raise `ConfigurationError` for settings of tasks that a service does not have."""
    strange = sorted(set(settings.tasks) - set(known))
    if strange:
        text = f"{where} speaks of {', '.join(strange)} of service {service}, which has {', '.join(sorted(known))}"
        raise ConfigurationError(text)


def unwrapped(target: object) -> tuple[Any, ServiceSettings | None]:
    """Return a registered service without what its registration says, and that."""
    return (target.target, target.settings) if isinstance(target, Configured) else (target, None)
