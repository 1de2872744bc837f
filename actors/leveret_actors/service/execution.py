"""How a task is executed: its policy and timeout, from whoever said it strongest."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from loguru import logger

from leveret.definition import ServiceInstance, TaskDefinition
from leveret.retry import RetryDetails, RetryPolicy
from leveret_actors.settings import ServiceSettings
from leveret_broker.envelope import Task


@dataclass(frozen=True, slots=True)
class Execution:
    """A function of a service, ready to be run."""

    definition: TaskDefinition
    function: Callable[..., Any]
    retry: RetryPolicy | None
    timeout: float
    """Seconds of one attempt; 0 is none."""

    def delay(self, task: Task, error: BaseException) -> float | None:
        """Return the seconds until the next attempt, None to give up; a policy that raises gives up."""
        if self.retry is None:
            return None
        details = RetryDetails(task.service, task.name, task.task_id, task.attempt, error)
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


def executions(instance: ServiceInstance, layers: Sequence[ServiceSettings]) -> dict[str, Execution]:
    """Return the executions by task name; `layers` is what was said outside the code, strongest first."""
    policies = [layer.retry for layer in layers if layer.retry is not None]
    timeouts = [layer.timeout for layer in layers if layer.timeout is not None]
    return {
        name: Execution(
            task,
            instance.functions[name],
            policies[0] if policies else task.retry,
            timeouts[0] if timeouts else task.timeout,
        )
        for name, task in instance.definition.tasks.items()
    }


def slots(instance: ServiceInstance, layers: Sequence[ServiceSettings], default: int) -> int:
    """Return how many tasks of the service may run at once in this node."""
    said = [layer.concurrency for layer in layers if layer.concurrency is not None]
    return (said[0] if said else instance.definition.concurrency) or default
