"""Which tasks nobody wants any more."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Final

from loguru import logger

from leveret_actors.store.contract import Store
from leveret_broker.envelope import CancelTask, Task
from leveret_broker.errors import StoreError
from leveret_broker.ids import sequence_key

SWEEP: Final = 1000
"""Remembered cancellations from which on the outdated ones are looked for."""


class Obsolete(Enum):
    """Why nobody wants an attempt any more."""

    CANCELLED = "was cancelled"
    SUPERSEDED = "is over, its next attempt is under way or it has ended"


def attempts_key(task: Task) -> str:
    """Return under which name attempts and cancellation of a task are noted: those of an operator's retry anew."""
    return sequence_key(task.task_id, task.sequence)


class Revocations:
    """Remembers what was heard on the control exchange, and asks the store for the rest."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._heard: dict[str, CancelTask] = {}
        self._sweep = SWEEP

    def remember(self, message: CancelTask, now: float) -> None:
        """Remember a cancellation until nobody needs it any more."""
        self._heard[message.task_id] = message
        if len(self._heard) > self._sweep:
            self._heard = {task: heard for task, heard in self._heard.items() if heard.until > now}
            self._sweep = max(SWEEP, 2 * len(self._heard))

    def heard(self, task_id: str, now: float) -> CancelTask | None:
        """Return this task's cancellation, if it was heard."""
        message = self._heard.get(task_id)
        return message if message is not None and message.until > now else None

    async def obsolete(self, tasks: Sequence[tuple[Task, bool]]) -> list[Obsolete | None]:
        """Tell of each (task, came before) why nobody wants it any more, None for one that is wanted.

        One trip each for a whole batch. A store that does not answer stops no task: it may run once too often.
        """
        again = [task for task, redelivered in tasks if redelivered or task.attempt > 1]
        revoked = await self._revoked([attempts_key(task) for task, _ in tasks])
        noted = await self._noted([attempts_key(task) for task in again])

        def why(task: Task) -> Obsolete | None:
            key = attempts_key(task)
            if key in revoked:
                return Obsolete.CANCELLED
            return Obsolete.SUPERSEDED if noted.get(key, 0) > task.attempt else None

        return [why(task) for task, _ in tasks]

    async def _revoked(self, task_ids: Sequence[str]) -> set[str]:
        try:
            return await self._store.revoked(task_ids) if task_ids else set()
        except StoreError as error:
            logger.warning("cannot look up revoked tasks, starting them unchecked: {}", error)
            return set()

    async def _noted(self, keys: Sequence[str]) -> dict[str, int]:
        try:
            return dict(zip(keys, await self._store.attempts(keys), strict=True)) if keys else {}
        except StoreError as error:
            logger.warning("cannot look up the attempts of redelivered tasks, starting them unchecked: {}", error)
            return {}

    async def note_attempt(self, task: Task, until: float) -> None:
        """Note that this attempt was sent out."""
        try:
            await self._store.note_attempt(attempts_key(task), task.attempt, until)
        except StoreError as error:
            logger.warning("cannot note attempt {} of task {}: {}", task.attempt, task.task_id, error)
