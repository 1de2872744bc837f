"""Files, sockets, processes and threads, refused wherever workflow code reaches them; one hook per process."""

from __future__ import annotations

import bdb
import cmd
import functools
import importlib
import linecache
import logging
import sys
import threading
import traceback
import zoneinfo
from pathlib import Path
from types import FrameType
from typing import Any, Final

import loguru

from leveret.runtime import is_guarded
from leveret_actors.workflow.guards import banned
from leveret_actors.workflow.guards.refusal import frames, refuse

_MACHINERY: Final = (
    "<frozen importlib",
    *(str(Path(module.__file__ or "").parent) for module in (importlib, loguru, logging, zoneinfo)),
    *(str(module.__file__) for module in (bdb, cmd, linecache, traceback)),
)
"""What may read files on its own account: imports, log sinks, tracebacks, time zones, the debugger."""


@functools.cache
def install() -> None:
    """Set the hook and wrap `Thread.start`, once: an audit hook cannot be taken off."""
    sys.addaudithook(_make_hook())
    start = threading.Thread.start

    @functools.wraps(start)
    def guarded(self: threading.Thread) -> None:
        if is_guarded() and not _on_its_own_account():
            refuse("starting a thread", banned.THREAD)  # its name has a number that differs
        start(self)

    threading.Thread.start = guarded  # type: ignore[method-assign]


def _make_hook() -> Any:
    events, guarded = banned.EVENTS, is_guarded  # globals are gone when the interpreter ends, the hook is not

    def hook(event: str, args: tuple[Any, ...]) -> None:
        if event in events and guarded() and not (_is_time_zone(event, args) or _on_its_own_account()):
            refuse(_spell(event, args), events[event])

    return hook


def _is_time_zone(event: str, args: tuple[Any, ...]) -> bool:
    """Tell whether this is `ZoneInfo` reading the system's data, in C."""
    return event == "open" and isinstance(args[0], str) and args[0].startswith(tuple(zoneinfo.TZPATH))


def _on_its_own_account() -> bool:
    return any(_is_machinery(frame) for frame in frames())


def _is_machinery(frame: FrameType) -> bool:
    code = frame.f_code
    return code.co_filename.startswith(_MACHINERY) or code.co_name == "__del__"


def _spell(event: str, args: tuple[Any, ...]) -> str:
    subject = args[0] if args and isinstance(args[0], str | bytes) else ""
    return f"{event}({subject!r})" if subject != "" else f"{event}()"
