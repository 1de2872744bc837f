"""Lines of user code, for messages: where it asked for a command, where it waits."""

from __future__ import annotations

import asyncio
import inspect
import os
from collections.abc import Coroutine
from pathlib import Path
from types import FrameType
from typing import Any

from leveret import errors as sdk
from leveret_actors.workflow.loop import WorkflowLoop
from leveret_broker import errors as broker

_FILES = (sdk.__file__, broker.__file__, asyncio.__file__, str(Path(__file__).parent))
_OURS = tuple(f"{Path(file).parent}{os.sep}" for file in _FILES)

_STEPPING = WorkflowLoop.spin.__code__  # below it there is only who steps: a node, or a test


def is_ours(filename: str) -> bool:
    """Tell whether a file belongs to leveret or asyncio."""
    return filename.startswith(_OURS)


def line_that_asks() -> str:
    """Return the innermost line of user code that is being executed, as `file:line in function`.

    Empty where nobody's code is: in callbacks of asyncio, and in tasks of its own. Then the task tells where it waits.
    """
    frame: FrameType | None = inspect.currentframe()
    while frame is not None and frame.f_code is not _STEPPING:
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
