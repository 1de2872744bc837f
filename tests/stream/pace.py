"""When each message of a stream is published: what the publishers share. Knows nothing of leveret."""

from __future__ import annotations

import time
from pathlib import Path


class Pace:
    """So many messages a second, or as fast as it goes; notes when each was published."""

    def __init__(self, rate: float) -> None:
        """Begin now; 0 is as fast as it goes."""
        self._rate = rate
        self._begun = time.time()
        self._stamps: list[float] = []

    @property
    def left(self) -> float:
        """Seconds until the next message is due."""
        return self._begun + len(self._stamps) / self._rate - time.time() if self._rate else 0.0

    def stamp(self) -> None:
        """Note that the next message is published."""
        self._stamps.append(time.time())

    def write(self, file: str) -> None:
        """Write Unix times, one per line."""
        Path(file).write_text("\n".join(map(repr, self._stamps)))
