"""Steps of workflow code that take longer than they may: found, told with their stack, and relieved of their thread."""

from __future__ import annotations

import sys
import traceback
from types import FrameType
from typing import TYPE_CHECKING, Final

from loguru import logger

from leveret.runtime import step_of
from leveret_actors.workflow import loop
from leveret_actors.workflow.lines import is_ours

if TYPE_CHECKING:
    from leveret.runtime import stepping

LOOKS: Final = 4
"""Looks within the budget: a step is reported after a quarter of it more, at the latest."""


class Overrun:
    """Watches the steps of one thread: one step is one object, so nothing is measured where it runs."""

    def __init__(self, thread: int, budget: float) -> None:
        """Watch the thread with this ident; `budget` is seconds."""
        self._thread = thread
        self._budget = budget
        self._step: stepping | None = None
        self._since = 0.0
        self._told = False

    def look(self, now: float) -> bool:
        """Look at the time `now`; True, once per step, when it has been the same for longer than it may."""
        step = step_of(self._thread)
        if step is not self._step:
            self._step, self._since, self._told = step, now, False
        if step is None or self._told or now - self._since < self._budget:
            return False
        self._told = True
        self._tell(step, now - self._since)
        return True

    def _tell(self, step: stepping, seconds: float) -> None:
        try:
            info = step.runtime.info()
        except Exception:  # it has just ended, and its actor is gone
            return
        logger.bind(workflow=info.workflow, instance=info.id, run=info.run, method=info.method).warning(
            "{} {}, method {}: one step of its code has been running for {:.2g} s, more than step_budget allows; put "
            "what blocks, or computes for long, into a task of a service. It is at\n{}",
            info.workflow,
            info.id,
            info.method,
            seconds,
            stack_of(self._thread),
        )


def stack_of(thread: int) -> str:
    """Return where the workflow code of a thread is, innermost last, as tracebacks are written."""
    frame: FrameType | None = sys._current_frames().get(thread)  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] - the documented way
    found: list[tuple[FrameType, int]] = []
    while frame is not None and frame.f_code.co_filename != loop.__file__:
        if not is_ours(frame.f_code.co_filename):
            found.append((frame, frame.f_lineno))
        frame = frame.f_back
    return "".join(traceback.StackSummary.extract(reversed(found)).format())
