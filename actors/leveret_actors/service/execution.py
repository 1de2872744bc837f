"""How a task is executed: its policy and timeout, from whoever said it strongest."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from loguru import logger

from leveret.definition import Batching, ServiceInstance, ServiceSettings, TaskDefinition, TaskSettings
from leveret.per_key import PerKey
from leveret.rate import Rate
from leveret.retry import RetryDetails, RetryPolicy
from leveret.service.configuring import check_tasks
from leveret_broker.envelope import Task
from leveret_broker.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Execution:
    """A function of a service, ready to be run."""

    definition: TaskDefinition
    function: Callable[..., Any]
    retry: RetryPolicy | None
    timeout: float
    """Seconds of one attempt; 0 is none."""
    grace: float
    """Seconds between being told to stop and being given up."""
    heartbeat: float = 0.0
    """Seconds of silence after which an attempt is stopped; 0: it may be silent."""
    batching: Batching | None = None
    """How calls are gathered; None: one at a time."""

    def delay(self, task: Task, error: BaseException, elapsed: float) -> float | None:
        """Return the seconds until the next attempt, None to give up; a policy that raises gives up.

        `elapsed` are the seconds since the first attempt began.
        """
        if self.retry is None:
            return None
        details = RetryDetails(task.service, task.name, task.task_id, task.attempt, error, elapsed, task.waited)
        try:
            delay = self.retry(details)
            if delay is None:
                return None
            if not math.isfinite(delay):
                raise ValueError(f"the policy returned {delay!r}")
            return max(0.0, float(delay))
        except BaseException:
            text = "the retry policy of {}.{} raised when asked about task {}: giving up"
            logger.exception(text, task.service, task.name, task.task_id)
            return None


def executions(instance: ServiceInstance, layers: Sequence[ServiceSettings], grace: float) -> dict[str, Execution]:
    """Return the executions by task name; `layers` is what was said outside the code, strongest first.

    `grace` is for tasks of which nobody said one. Raises `ConfigurationError` for layers that speak of other tasks.
    """
    for layer in layers:
        check_tasks(instance.definition.name, layer, instance.definition.tasks, "the configuration")
    return {
        name: _execution(instance, task, [said for layer in layers for said in _said(layer, name)], grace)
        for name, task in instance.definition.tasks.items()
    }


def _said(layer: ServiceSettings, task: str) -> tuple[TaskSettings, ...]:
    """Return what a layer says of a task, strongest first."""
    return (layer.tasks[task], layer) if task in layer.tasks else (layer,)


def _execution(
    instance: ServiceInstance, task: TaskDefinition, said: Sequence[TaskSettings], grace: float
) -> Execution:
    return Execution(
        task,
        instance.functions[task.name],
        next((one.retry for one in said if one.retry is not None), task.retry),
        next((one.timeout for one in said if one.timeout is not None), task.timeout),
        next((one for one in (*(one.grace for one in said), task.grace) if one is not None), grace),
        0.0 if task.batching or task.process else _heartbeat(task, said),
        _batching(instance, task, said),
    )


def _batching(instance: ServiceInstance, task: TaskDefinition, said: Sequence[TaskSettings]) -> Batching | None:
    """Return how calls are gathered; a service's numbers are for those of its tasks that run in batches."""
    if task.batching is None:
        for one in said:
            if not isinstance(one, ServiceSettings) and (one.batch_max is not None or one.batch_seconds is not None):
                text = f"{instance.definition.name}.{task.name} does not run in batches: leave out batch_max and "
                raise ConfigurationError(text + "batch_seconds, or mark its function with @service.batch")
        return None
    return Batching(
        next((one.batch_max for one in said if one.batch_max is not None), task.batching.max),
        next((one.batch_seconds for one in said if one.batch_seconds is not None), task.batching.seconds),
        task.batching.key,
    )


def _heartbeat(task: TaskDefinition, said: Sequence[TaskSettings]) -> float:
    return next((one.heartbeat for one in said if one.heartbeat is not None), task.heartbeat)


def rate(instance: ServiceInstance, layers: Sequence[ServiceSettings]) -> Rate | None:
    """Return the rate limit of the service."""
    return next((layer.rate for layer in layers if layer.rate is not None), instance.definition.rate)


def prioritised(instance: ServiceInstance, layers: Sequence[ServiceSettings]) -> bool:
    """Tell whether the service has a queue for each priority."""
    said = [layer.priorities for layer in layers if layer.priorities is not None]
    return said[0] if said else instance.definition.priorities


def limits_per_key(instance: ServiceInstance, layers: Sequence[ServiceSettings]) -> PerKey | None:
    """Return the limits for tasks that have something in common; raises `ConfigurationError` for what has no sense."""
    said = [one for one in (*(layer.per_key for layer in layers), instance.definition.per_key) if one is not None]
    if not said:
        return None
    name, key = instance.definition.name, next((one.key for one in said if one.key), "")
    if not key:
        raise ConfigurationError(f"service {name}: per_key has no key: say key = 'meta.<name>', or another one")
    if any(task.batching for task in instance.definition.tasks.values()):
        raise ConfigurationError(f"service {name}: per_key is not for batches; @service.batch has a key of its own")
    return replace(said[0], key=key)


def slots(instance: ServiceInstance, layers: Sequence[ServiceSettings], default: int) -> int:
    """Return how many tasks of the service may run at once in this node; in processes, by default, one a processor."""
    said = [layer.concurrency for layer in layers if layer.concurrency is not None]
    if all(task.process for task in instance.definition.tasks.values()):
        default = os.cpu_count() or 1
    return (said[0] if said else instance.definition.concurrency) or default
