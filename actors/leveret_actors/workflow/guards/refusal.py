"""The error that workflow code gets, and the line it names."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from types import FrameType
from typing import Final

from leveret.errors import NotReplayable
from leveret.runtime import is_guarded
from leveret_actors.workflow.lines import is_ours

GUARDED: Final[set[str]] = set()
"""Names of the modules whose globals have stand-ins."""


def refuse(what: str, advice: str) -> None:
    """Raise `NotReplayable` if this thread steps a workflow whose guards are on; nothing otherwise."""
    if is_guarded():
        raise NotReplayable(what, advice, workflow_line())


def frames() -> Iterator[FrameType]:
    """Yield the frames of this thread, innermost first."""
    frame: FrameType | None = inspect.currentframe()
    while frame is not None:
        yield frame
        frame = frame.f_back


def workflow_line() -> str:
    """Return the innermost line in a module with workflows, else the innermost that is not ours."""
    other = ""
    for frame in frames():
        name = frame.f_code.co_filename
        if is_ours(name):
            continue
        line = f"{name}:{frame.f_lineno} in {frame.f_code.co_name}"
        if frame.f_globals.get("__name__") in GUARDED:
            return line
        other = other or line
    return other
