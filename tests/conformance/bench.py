"""A service that a test steers, in the same process: what was called, what is held back, what fails."""

from __future__ import annotations

import asyncio
from typing import Protocol

from leveret import service


class Overbooked(Exception):
    """A failure with attributes of its own."""

    def __init__(self, word: str) -> None:
        super().__init__(f"no room for {word}")
        self.word = word
        self.rooms = [1, 2]


class Bench(Protocol):
    """What workflows see."""

    async def say(self, word: str) -> str:
        """Return the word."""
        ...

    async def hold(self, word: str) -> str:
        """Return the word once the test lets it go."""
        ...

    async def fail(self, word: str) -> str:
        """Raise `Overbooked`."""
        ...


class SteeredBench(Bench):
    """Does as the test says; `retry` is given to nothing: every failure is the last."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        """Words in the order in which their tasks began."""
        self.ended: list[str] = []
        """Words whose task returned, raised or was stopped."""
        self.ids: list[str] = []
        self._begun: dict[str, asyncio.Event] = {}
        self._let_go: dict[str, asyncio.Event] = {}
        self._over: dict[str, asyncio.Event] = {}

    async def say(self, word: str) -> str:
        self._note(word)
        self._end(word)
        return word

    async def hold(self, word: str) -> str:
        self._note(word)
        try:
            await self._let_go.setdefault(word, asyncio.Event()).wait()
        finally:
            self._end(word)
        return word

    async def fail(self, word: str) -> str:
        self._note(word)
        self._end(word)
        raise Overbooked(word)

    def _note(self, word: str) -> None:
        self.calls.append(word)
        self.ids.append(service.context().task_id)
        self._begun.setdefault(word, asyncio.Event()).set()

    def _end(self, word: str) -> None:
        self.ended.append(word)
        self._over.setdefault(word, asyncio.Event()).set()

    async def over(self, word: str) -> None:
        """Wait until a task with this word has returned, raised or been stopped."""
        async with asyncio.timeout(30):
            await self._over.setdefault(word, asyncio.Event()).wait()

    async def begun(self, word: str) -> None:
        """Wait until a task with this word runs."""
        async with asyncio.timeout(30):
            await self._begun.setdefault(word, asyncio.Event()).wait()

    def finish(self) -> None:
        """Let all tasks return that are held back."""
        self.let_go(*self._let_go)

    def let_go(self, *words: str) -> None:
        """Let the tasks with these words return, now or when they come."""
        for word in words:
            self._let_go.setdefault(word, asyncio.Event()).set()
