"""Fault points: places in the turn, and in the life of a lease, where tests have this process killed with signal 9.

`LEVERET_FAULT=after-commit:3` kills it the third time it gets there. Without the variable a point costs one comparison.
"""

from __future__ import annotations

import os
import signal
from typing import Final

POINTS: Final = (
    "after-take",
    "after-decide",
    "after-commit",
    "after-acknowledge",
    "between-publishes",
    "before-settle",
    "before-lease",
    "after-lease",
    "after-renewal",
    "after-finish",
    "after-tell",
    "before-delegation",
    "after-delegation",
    "after-settlement",
    "in-fan-out",
    "commands-taken",
    "commands-sent",
)


def _parse(text: str) -> tuple[str, int]:
    point, _, count = text.partition(":")
    if point and (point not in POINTS or not (count or "1").isdigit()):
        message = f"LEVERET_FAULT={text!r}: one of {', '.join(POINTS)}, then optionally ':' and a number"
        raise ValueError(message)
    return point, int(count or "1")


_wanted, _left = _parse(os.environ.get("LEVERET_FAULT", ""))


def reached(point: str) -> None:
    """Die here, by signal 9, if the environment wants it."""
    global _left  # noqa: PLW0603 - one countdown per process
    if point == _wanted:
        _left -= 1
        if _left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
