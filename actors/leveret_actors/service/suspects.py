"""Tasks that may be what kills their workers: they run under leases, which count exactly, and apart from each other."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final

from loguru import logger

from leveret_actors.service.job import Job

UNSUSPECTED: Final = 2
"""Deliveries after which a task is a suspect: whoever shared the hands of a dying worker once is hardly to blame."""
ANEW: Final = 10
"""Deliveries after which a suspect is sent anew, well before the broker's limit: that counts for bystanders too."""
PROBATION: Final = 5.0
"""Seconds that a suspect has the others wait, unless it ends earlier: most of what kills does so at once."""
LAST: Final = 2
"""Lives before a task becomes a dead letter in which the other suspects wait until it has ended."""


def is_suspect(job: Job) -> bool:
    """Tell whether workers died that had this task in hand."""
    return job.earlier >= UNSUSPECTED or job.task.deaths > 0


class Suspects:
    """Tries tasks that were in the hands of workers which died, one after another.

    The broker counts the deliveries of all that a dying worker had in hand, so bystanders would become dead letters
    together with the one that kills. A suspect is taken off the broker by a lease before it is started: from then on
    only its own deaths count (`Task.deaths`, at most `deaths`), and bystanders finish while the lease of the guilty
    one runs out. `try_it` has one started as soon as there is a slot, `give_back` gets what is sent anew.
    """

    def __init__(self, try_it: Callable[[Job], None], give_back: Callable[[Job], None], *, deaths: int) -> None:
        self._try_it = try_it
        self._give_back = give_back
        self._deaths = deaths
        self._waiting: deque[Job] = deque()
        self._apart: Job | None = None
        """The one for which the others wait."""
        self._has_begun = False
        self._timer: asyncio.TimerHandle | None = None

    def take(self, job: Job) -> bool:
        """Keep a job if it is a suspect, and have it tried when it is its turn."""
        if not is_suspect(job):
            return False
        if job.earlier >= ANEW:
            self._give_back(job)
        else:
            self._waiting.append(job)
            self._go_on()
        return True

    def begun(self, job: Job) -> None:
        """Note that a job was started."""
        if job is not self._apart:
            return
        text = "task {} was in the hands of workers that died: it runs under a lease, apart from its like"
        logger.info(text, job.task.task_id)
        self._has_begun = True
        if job.task.deaths < self._deaths - LAST:
            self._timer = asyncio.get_running_loop().call_later(PROBATION, self.ended, job)

    def ended(self, job: Job) -> None:
        """Note that a job runs no more, or will not be started."""
        if job is self._apart:
            self._forget()
            self._go_on()

    def clear(self) -> None:
        """Forget those that were not started: their deliveries went back."""
        self._waiting.clear()
        if not self._has_begun:
            self._forget()

    def _go_on(self) -> None:
        if self._apart is None and self._waiting:
            self._apart = self._waiting.popleft()
            self._try_it(self._apart)

    def _forget(self) -> None:
        self._apart, self._has_begun = None, False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
