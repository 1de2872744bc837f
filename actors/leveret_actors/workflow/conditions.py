"""The conditions that methods wait for, looked at whenever the code waits."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import Context, copy_context
from dataclasses import dataclass, field
from typing import Final

from leveret.runtime import Runtime, stepping
from leveret_actors.workflow.loop import LoopFuture, WorkflowLoop
from leveret_actors.workflow.raised import as_exception
from leveret_actors.workflow.reading import Readable, ReadOnly

WHAT: Final = "the condition of wait_for()"


@dataclass(slots=True)
class Condition:
    """One that somebody waits for."""

    predicate: Callable[[], object]
    future: LoopFuture[None]
    context: Context = field(default_factory=copy_context)


class Conditions:
    """All of an instance that do not hold yet, oldest first."""

    def __init__(self, instance: Readable, loop: WorkflowLoop) -> None:
        """Begin with none."""
        self._instance = instance
        self._loop = loop
        self._open: list[Condition] = []

    def add(self, predicate: Callable[[], object]) -> LoopFuture[None]:
        """Return the future of a condition, which may have ended already."""
        condition = Condition(predicate, self._loop.create_future())
        if not self._settle(condition):
            self._open.append(condition)
        return condition.future

    def wake(self) -> bool:
        """Resume the oldest waiter whose condition holds, or cannot be told; False when there is none."""
        self._open = [condition for condition in self._open if not condition.future.done()]
        return any(self._settle(condition) for condition in list(self._open))

    def _settle(self, condition: Condition) -> bool:
        reader = ReadOnly(self._instance, WHAT)
        runtime: Runtime = reader
        try:
            with stepping(runtime):
                holds = bool(condition.context.run(condition.predicate))
        except BaseException as error:  # the user's code: whoever waits for it gets what it raised
            condition.future.set_exception(as_exception(error, WHAT))
            return True
        if holds:
            condition.future.set_result(None)
        return holds
