"""What happened in a world, as readable lines and as one hash."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable
from typing import Final

KEPT: Final = 60
"""Lines shown when a promise is broken."""


class Violation(AssertionError):
    """A promise is broken: what, and what led to it."""


class Trace:
    """Collects lines; the hash covers all of them, memory only the last."""

    def __init__(self, where: Callable[[], str], *, echo: bool = False) -> None:
        """`where` says step, time and process; `echo` prints every line at once."""
        self._where = where
        self._echo = echo
        self._lines: deque[str] = deque(maxlen=KEPT)
        self._hash = hashlib.blake2b(digest_size=16)
        self.violation = ""
        """The first broken promise."""

    def note(self, text: str) -> None:
        """Add a line."""
        line = f"{self._where()} {text}"
        self._lines.append(line)
        self._hash.update(line.encode())
        if self._echo:
            print(line)

    def violate(self, text: str) -> None:
        """Note a broken promise; the first one ends the world."""
        self.note(f"VIOLATION: {text}")
        self.violation = self.violation or text

    def expect(self, truth: bool, text: str) -> None:
        """Note a broken promise unless `truth`."""
        if not truth:
            self.violate(text)

    def lines(self) -> list[str]:
        """Return the last lines."""
        return list(self._lines)

    def digest(self) -> str:
        """Return the hash of all lines."""
        return self._hash.hexdigest()
