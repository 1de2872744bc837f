"""A service; the interpreter knows nothing of it."""

from __future__ import annotations


class Clerk:
    async def add(self, left: int, right: int) -> int:
        return left + right

    async def greet(self, name: str) -> str:
        return f"hello {name}"
