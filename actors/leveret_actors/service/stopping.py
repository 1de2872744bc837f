"""The end of a worker: what runs may finish, then it is interrupted."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from loguru import logger

from leveret_actors.service.attempt import Why
from leveret_actors.service.closing import Closing
from leveret_actors.service.desk import Desk
from leveret_actors.service.execution import Execution
from leveret_actors.service.started import Started


class Stopping:
    """Waits for the jobs of one service; `changed` is set when one has ended, or has given its slot back."""

    def __init__(
        self,
        service: str,
        jobs: Started,
        closing: Closing,
        desk: Desk,
        executions: Mapping[str, Execution],
    ) -> None:
        self.changed = asyncio.Event()
        self._service = service
        self._jobs = jobs
        self._closing = closing
        self._desk = desk
        self._executions = executions

    async def finish(self, grace: float) -> None:
        """Let what runs end, for so many seconds at most."""
        try:
            async with asyncio.timeout(grace):
                await self._until(lambda: all(job.settled for job in self._jobs.values()))
                await self._closing.settle()
                await self._desk.settle()
        except TimeoutError:
            left = sum(not job.settled for job in self._jobs.values())
            logger.warning("service {} stops with {} tasks unfinished; they go back to the queue", self._service, left)

    async def interrupt(self) -> None:
        """Stop what runs, without an outcome, and acknowledge what has one though its function never ended."""
        for job in tuple(self._jobs.values()):
            if job.settled:
                self._jobs.acknowledge(job)
            elif job.attempt is not None:
                job.attempt.interrupt(Why.STOPPED)
        try:
            async with asyncio.timeout(max(one.grace for one in self._executions.values())):
                await self._until(lambda: all(job.free for job in self._jobs.values()))
                await self._closing.settle()
        except TimeoutError:
            logger.warning("service {} leaves functions behind that do not stop", self._service)

    async def _until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            self.changed.clear()
            await self.changed.wait()
