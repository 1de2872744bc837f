"""What the strands of a random program wait for, as the model sees it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

NAMES = {
    ("task", "failed"): "TaskFailed",
    ("child", "failed"): "WorkflowFailed",
    ("task", "cancelled"): "TaskCancelled",
    ("child", "cancelled"): "WorkflowCancelled",
    ("task", "timed_out"): "TaskTimedOut",
}


class Cancelled(Exception):
    """A strand is cancelled, or awaits what was."""


class TimedOut(Exception):
    """The time of a `within` is over."""


class Failed(Exception):
    """What is awaited failed."""


@dataclass(eq=False)
class Op:
    """A task, a child, a timer, or a receiver."""

    kind: str
    born: int
    """Its turn."""
    order: int
    """Among all that the strand has asked for."""
    label: str = ""
    due: float = 0.0
    status: str = "ongoing"
    withdrawn: bool = False
    """By its code: cancelled as a future is, not by an answer."""
    void: bool = False
    """In the turn that asked for it: it never left."""
    value: Any = None
    rank: int = 0
    """Of the event that ended it."""
    signal: tuple[int, int] | None = None
    """What a receiver got: order of acceptance, and value."""

    @property
    def has_value(self) -> bool:
        return self.status == "completed"

    @property
    def is_open(self) -> bool:
        return self.status == "ongoing"

    def result(self) -> Any:
        if self.has_value:
            return self.value
        raise Cancelled if self.withdrawn else Failed(NAMES[self.kind, self.status])


@dataclass
class Slot:
    """A deferred that is kept: it has an operation, and makes a new one where that was withdrawn or used up."""

    op: Op
    again: Callable[[], Op]
    fresh: bool = True
    lost: bool = False

    def take(self) -> Op:
        if (self.op.kind == "receive" and not self.fresh) or self.lost:
            self.op, self.lost = self.again(), False
        self.fresh = False
        return self.op


@dataclass
class Wait:
    """What a strand waits for."""

    how: str
    """`one`, `sleep` (one as well, told a step later), `first`, `all`."""
    ops: list[Op]
    slots: list[Slot | None]
    names: list[str] = field(default_factory=list)

    @property
    def takes_a_step_more(self) -> bool:
        return self.how != "one"

    def outcome(self, before: float = math.inf) -> tuple[int, ...] | None:
        """Return the positions whose ends, before a rank, make the outcome; None while there is none.

        The last one decides.
        """
        if self.how in {"one", "sleep"}:
            return None if self.ops[0].is_open else (0,)
        ended = sorted((op.rank, i) for i, op in enumerate(self.ops) if not op.is_open and op.rank < before)
        for _, index in ended:
            if self.ops[index].has_value != (self.how == "first"):
                continue
            return (self._rather_than_a_timer(index),) if self.how == "first" else (index,)
        if len(ended) < len(self.ops):
            return None
        return (ended[-1][1],) if self.how == "first" else tuple(range(len(self.ops)))

    def _rather_than_a_timer(self, index: int) -> int:
        if self.ops[index].kind != "timer":
            return index
        return next((i for i, op in enumerate(self.ops) if op.kind != "timer" and op.has_value), index)
