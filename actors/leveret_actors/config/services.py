"""`[services.<Name>]`: what the file says of a service and of its tasks."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec

from leveret.definition import ServiceSettings, TaskSettings
from leveret.per_key import PerKey
from leveret.rate import Rate
from leveret.retry import Retry, RetryPolicy
from leveret_actors.config.reference import find_exception, find_function, find_policy
from leveret_actors.config.section import Count, Seconds, Section
from leveret_broker.errors import ConfigurationError

_RETRY: Final = Retry()


class RetrySection(Section, frozen=True, kw_only=True):
    """`[services.<Name>.retry]`: stands in place of any policy in the code; see `leveret.Retry`."""

    initial: Seconds = float(_RETRY.initial)  # type: ignore[arg-type]
    factor: Annotated[float, msgspec.Meta(ge=1)] = _RETRY.factor
    maximum: Seconds = float(_RETRY.maximum)  # type: ignore[arg-type]
    attempts: Annotated[int, msgspec.Meta(ge=0)] = _RETRY.attempts
    jitter: Annotated[float, msgspec.Meta(ge=0, le=1)] = _RETRY.jitter
    ignore: list[str] = []
    """Exceptions that are never retried, with those derived from them: `package.module:Class`, or the class's name.

    The first is imported, and must be there; the second is compared with the names of what is raised."""
    only: list[str] = []
    """When given, no other exceptions are retried; written as in `ignore`, which wins over it."""
    policy: str = ""
    """`package.module:attribute` of a callable that decides in place of all this, which then may not be given."""


class RateSection(Section, frozen=True, kw_only=True):
    """`[services.<Name>.rate]`: how many attempts may begin in how much time, over all nodes; see `service.Rate`."""

    count: Annotated[float, msgspec.Meta(gt=0)]
    per: Annotated[float, msgspec.Meta(gt=0)] = 1.0
    """Seconds."""
    burst: Annotated[int, msgspec.Meta(ge=0)] = 0
    """Most that may begin at once after a quiet time; 0: what comes in a tenth of a second, 1 at least."""


class PerKeySection(Section, frozen=True, kw_only=True):
    """`[services.<Name>.per_key]`: limits over all nodes for tasks that have something in common."""

    key: str = ""
    """`meta.<name>`, `tag.<name>`, or `package.module:function` of a `service.TaskContext`; empty: as the code says."""
    concurrency: Annotated[int, msgspec.Meta(ge=0)] = 0
    """Most at once; 0 is no limit."""
    rate: RateSection | None = None


class TaskSection(Section, frozen=True, kw_only=True):
    """`[services.<Name>.tasks.<task>]`: stronger than what the file says of the whole service."""

    retry: RetrySection | None = None
    timeout: Seconds | None = None
    """Seconds of one attempt; 0 is none."""
    grace: Seconds | None = None
    """Seconds that a function gets to end once it is told to stop, over its timeout or cancelled; 5 by default."""
    heartbeat: Seconds | None = None
    """Seconds of silence after which an attempt is stopped and counts as failed, not for batches; 0: none."""
    batch_max: Count | None = None
    """Most calls of a batch, for tasks that run in batches."""
    batch_seconds: Seconds | None = None
    """How long the first call of a batch waits for others."""


class ServiceSection(TaskSection, frozen=True, kw_only=True):
    """`[services.<Name>]`: stronger than the code of the service and than its registration."""

    concurrency: Count | None = None
    """Most tasks at once in one node."""
    rate: RateSection | None = None
    priorities: bool | None = None
    """A queue each for tasks of high, normal and low priority."""
    per_key: PerKeySection | None = None
    tasks: dict[str, TaskSection] = {}
    """By name."""


def service_settings(section: ServiceSection) -> ServiceSettings:
    """Return what a section says, policies and exceptions imported; raises `ConfigurationError`."""
    return ServiceSettings(
        retry=_retry(section.retry),
        timeout=section.timeout,
        grace=section.grace,
        heartbeat=section.heartbeat,
        batch_max=section.batch_max,
        batch_seconds=section.batch_seconds,
        concurrency=section.concurrency,
        rate=_rate(section.rate),
        priorities=section.priorities,
        per_key=_per_key(section.per_key),
        tasks={name: _task(one) for name, one in section.tasks.items()},
    )


def _task(section: TaskSection) -> TaskSettings:
    return TaskSettings(
        retry=_retry(section.retry),
        timeout=section.timeout,
        grace=section.grace,
        heartbeat=section.heartbeat,
        batch_max=section.batch_max,
        batch_seconds=section.batch_seconds,
    )


def _rate(section: RateSection | None) -> Rate | None:
    return None if section is None else Rate(section.count, section.per, section.burst)


def _per_key(section: PerKeySection | None) -> PerKey | None:
    if section is None:
        return None
    key = find_function(section.key) if ":" in section.key else section.key
    return PerKey(key, section.concurrency, _rate(section.rate))


def _retry(section: RetrySection | None) -> RetryPolicy | None:
    if section is None:
        return None
    if section.policy:
        if section != RetrySection(policy=section.policy):
            raise ConfigurationError(f"retry.policy = {section.policy!r} decides alone: leave out the other keys of it")
        return find_policy(section.policy)
    return Retry(
        initial=section.initial,
        factor=section.factor,
        maximum=section.maximum,
        attempts=section.attempts,
        jitter=section.jitter,
        ignore=tuple(find_exception(name) for name in section.ignore),
        only=tuple(find_exception(name) for name in section.only),
    )
