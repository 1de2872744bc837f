"""Routing keys, as a topic exchange reads them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache


@lru_cache(maxsize=4096)
def fits(keys: tuple[str, ...], routing_key: str) -> bool:
    """Tell whether a routing key fits one of the binding keys: `*` is one word, `#` any number of them.

    A binding of an earlier version of the rule may still be there: the broker tells nobody which there are.
    """
    return any(key in {"#", routing_key} or _fits(key.split("."), routing_key.split(".")) for key in keys)


def _fits(pattern: Sequence[str], words: Sequence[str]) -> bool:
    if not pattern:
        return not words
    first, rest = pattern[0], pattern[1:]
    if first == "#":
        return any(_fits(rest, words[at:]) for at in range(len(words) + 1))
    return bool(words) and first in {"*", words[0]} and _fits(rest, words[1:])
