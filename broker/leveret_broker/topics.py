"""Patterns of routing keys, as topic exchanges know them: `*` is one word, `#` any number of words."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache


@lru_cache(maxsize=10_000)
def matches(pattern: str, key: str) -> bool:
    """Tell whether a pattern matches a routing key."""
    return _match(pattern.split("."), key.split("."))


def _match(pattern: Sequence[str], words: Sequence[str]) -> bool:
    if not pattern:
        return not words
    first, rest = pattern[0], pattern[1:]
    if first == "#":
        return any(_match(rest, words[start:]) for start in range(len(words) + 1))
    return bool(words) and first in {"*", words[0]} and _match(rest, words[1:])
