"""Continuing as new: the next run of the same id begins with an empty journal."""

from __future__ import annotations

from typing import Any, NoReturn

from leveret.runtime import ContinueAsNew, current


def continue_as_new(*args: Any, **kwargs: Any) -> NoReturn:
    """End this run and begin the next one of the same id, with these arguments of the main method; never returns.

    Id, tags, meta, parent, timeout, unread signals and all who wait for the result go over to the next run; properties
    do not: pass on what it needs. Other methods that run are waited for first; tasks and children that have not ended
    are cancelled, detached children go on. Only the main method may call it, not in a task it has made: `RuntimeError`
    otherwise. Raises `ArgumentMismatch` for arguments that do not fit; `except Exception` does not catch the end.
    """
    raise ContinueAsNew(current().next_arguments(args, kwargs))
