"""Ending tasks of the event loop, for certain."""

from __future__ import annotations

import asyncio
from typing import Any, Final

AGAIN: Final = 10.0
"""Seconds that what was cancelled has for its cleaning up."""


async def end(*tasks: asyncio.Task[Any], again: float = AGAIN) -> None:
    """Cancel these and wait for them; what has not ended after `again` seconds is cancelled once more, and so on.

    Before Python 3.12 a cancellation that comes together with an answer gets lost in `asyncio.wait_for`, which aiormq
    uses (CPython's issue 86296).
    """
    pending = set(tasks)
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=again)
    await asyncio.gather(*tasks, return_exceptions=True)
