"""What becomes of a task whose service has no queue for its priority."""

from __future__ import annotations

from loguru import logger

from leveret_broker.address import ServiceQueue


class Fallback:
    """Sends such tasks to the queue that every service has, and tells it once for each queue."""

    def __init__(self) -> None:
        self._told: set[ServiceQueue] = set()

    def of(self, missing: ServiceQueue) -> ServiceQueue:
        """Return the queue to use in place of one that does not exist."""
        if missing not in self._told:
            self._told.add(missing)
            text = "service {} has no queue for tasks of {} priority: they go with all others until a worker of it runs"
            logger.warning(f"{text} that has priorities=True", missing.service, missing.priority)
        return ServiceQueue(missing.service)
