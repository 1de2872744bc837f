"""What instances and tasks carry beside their arguments: tags, meta, a priority; checked where they are given."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from leveret.errors import ArgumentMismatch
from leveret_broker.address import PRIORITIES, Priority
from leveret_broker.ids import ID_LIMIT

TAGS_LIMIT: Final = 100
"""Tags of one instance or task: each is an actor to tell, and they go with every message."""
META_LIMIT: Final = 64 * 1024
"""Bytes of names and values: they go with every message."""


def checked_tags(owner: str, tags: Iterable[Any]) -> tuple[str, ...]:
    """Return tags once each, in alphabetical order; raises `ArgumentMismatch` for what are none, or too many.

    `owner` says whose they are, for the message.
    """
    if isinstance(tags, str) or not isinstance(tags, Iterable):
        raise ArgumentMismatch(f"{owner}: tags must be a set of texts, not {tags!r}")
    found = {checked_tag(owner, tag) for tag in tags}
    if len(found) > TAGS_LIMIT:
        raise ArgumentMismatch(f"{owner}: {len(found)} tags are too many, the limit is {TAGS_LIMIT}: use meta instead")
    return tuple(sorted(found))


def checked_tag(owner: str, tag: Any) -> str:
    """Return a tag; raises `ArgumentMismatch` for one that is no text, empty, or too long."""
    if not isinstance(tag, str):
        raise ArgumentMismatch(f"{owner}: a tag must be a text, not {tag!r} of type {type(tag).__name__}")
    if not tag or len(tag) > ID_LIMIT or not tag.isprintable():
        raise ArgumentMismatch(f"{owner}: the tag {tag!r} is not usable: 1 to {ID_LIMIT} printable characters")
    return tag


def checked_priority(owner: str, priority: Any) -> Priority:
    """Return a priority; raises `ArgumentMismatch` for what is none."""
    if priority not in PRIORITIES:
        raise ArgumentMismatch(f"{owner}: the priority is one of {', '.join(PRIORITIES)}, not {priority!r}")
    found: Priority = priority
    return found


def checked_meta(owner: str, meta: Mapping[Any, Any] | None) -> dict[str, str]:
    """Return a copy of meta; raises `ArgumentMismatch` for what does not map texts to texts, or has too many bytes."""
    if not isinstance(meta or {}, Mapping):
        raise ArgumentMismatch(f"{owner}: meta must map texts to texts, not be {meta!r}")
    found = dict(meta or {})
    for text in (*found, *found.values()):
        if not isinstance(text, str) or text.encode("utf-8", "replace").decode() != text:
            raise ArgumentMismatch(f"{owner}: meta must map texts to texts, not hold {text!r}")
    size = sum(len(text.encode()) for text in (*found, *found.values()))
    if size > META_LIMIT:
        raise ArgumentMismatch(f"{owner}: meta has {size} bytes, the limit is {META_LIMIT}: pass a reference instead")
    return found
