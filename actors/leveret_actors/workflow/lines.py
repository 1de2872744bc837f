"""Lines of user code, for messages: where it asked for a command, where it waits."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Coroutine
from pathlib import Path
from types import FrameType
from typing import Any

import leveret
import leveret_actors
import leveret_broker

_OURS = tuple(
    str(Path(module.__file__).parent)
    for module in (leveret, leveret_actors, leveret_broker, asyncio)
    if module.__file__
)


def is_ours(filename: str) -> bool:
    """Tell whether a file belongs to leveret or asyncio."""
    return filename.startswith(_OURS)


def line_that_asks() -> str:
    """Return the innermost line of user code that is being executed, as `file:line in function`."""
    frame: FrameType | None = inspect.currentframe()
    while frame is not None:
        if not is_ours(frame.f_code.co_filename):
            return f"{frame.f_code.co_filename}:{frame.f_lineno} in {frame.f_code.co_name}"
        frame = frame.f_back
    return ""


def line_that_waits(coroutine: Coroutine[Any, Any, Any] | None) -> str:
    """Return the innermost line of user code where a coroutine is suspended."""
    line = ""
    waiting: Any = coroutine
    while waiting is not None:
        frame = getattr(waiting, "cr_frame", None) or getattr(waiting, "ag_frame", None)
        if frame is not None and not is_ours(frame.f_code.co_filename):
            line = f"{frame.f_code.co_filename}:{frame.f_lineno} in {frame.f_code.co_name}"
        waiting = getattr(waiting, "cr_await", None) or getattr(waiting, "ag_await", None)
    return line
