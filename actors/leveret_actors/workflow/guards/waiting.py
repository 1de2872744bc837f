"""`asyncio.wait_for` as it is from Python 3.12 on, for workflows that run on 3.11.

There it makes a task of what it waits for, which starts a step later: two of them side by side would ask for their
commands in another order, and a journal of the one Python would not be repeated by the other.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable
from typing import Any, Final, TypeVar

from leveret_actors.workflow.loop import WorkflowLoop

T = TypeVar("T")

STOCK: Final[Any] = asyncio.wait_for
"""What Python brings."""


async def wait_for(fut: Awaitable[T], timeout: float | None) -> T:  # noqa: ASYNC109 - as asyncio has it
    """Wait for something, at most `timeout` seconds; raises `TimeoutError` and cancels it then."""
    if not isinstance(asyncio.get_running_loop(), WorkflowLoop) or (timeout is not None and timeout <= 0):
        result: T = await STOCK(fut, timeout)
        return result
    async with asyncio.timeout(timeout):
        return await fut


def install() -> None:
    """Put it in the place of what Python 3.11 brings; outside of workflows it is just that."""
    if sys.version_info < (3, 12):
        for module in (asyncio, asyncio.tasks):
            vars(module).update(wait_for=wait_for)
