"""Clock, ids and jitter, as the simulation wants them, for code that asks the process for them."""

from __future__ import annotations

import gc
import random
import time
import uuid
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

EPOCH: Final = 1_700_000_000.0
"""Unix time at which every world begins."""


@contextmanager
def replaced(replacements: list[tuple[Any, str, Any]]) -> Generator[None]:
    """Give objects other attributes for a while."""
    before = [(target, name, getattr(target, name)) for target, name, _ in replacements]
    for target, name, value in replacements:
        setattr(target, name, value)
    try:
        yield
    finally:
        for target, name, value in reversed(before):
            setattr(target, name, value)


@contextmanager
def simulated_outside(source: random.Random, now: Callable[[], float]) -> Generator[None]:
    """Draw ids and jitter from `source`, and read the time from the simulated clock; the collector waits."""

    class Seeded(random.Random):
        """A generator that nobody seeded gets its seed from the world's."""

        def __init__(self, seed: Any = None) -> None:
            super().__init__(source.getrandbits(64) if seed is None else seed)

    collecting, shared = gc.isenabled(), random.getstate()
    gc.disable()
    random.seed(source.getrandbits(64))
    try:
        with replaced(
            [
                (time, "time", lambda: EPOCH + now()),
                (uuid, "uuid4", lambda: uuid.UUID(int=source.getrandbits(128), version=4)),
                (random, "Random", Seeded),
            ]
        ):
            yield
    finally:
        random.setstate(shared)
        if collecting:
            gc.enable()
