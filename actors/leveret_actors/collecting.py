"""The garbage collector in a process that is there to run a node."""

from __future__ import annotations

import gc
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

OBJECTS: Final = 10_000
"""New objects after which circles are looked for; Python's own figure is 700 to 2 000."""


@contextmanager
def rarely_collecting() -> Generator[None]:
    """Collect less often, unless somebody has turned it off or made it rarer still.

    What a turn makes is gone soon after, without the collector, so each early look finds it alive and walks it in vain:
    a fifth of a node's CPU time.
    """
    before = gc.get_threshold()
    if 0 < before[0] < OBJECTS:
        gc.set_threshold(OBJECTS, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
