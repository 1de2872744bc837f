"""Annotations that are text, resolved while the names in them still mean the real classes.

The codec compares types by identity: a `datetime` that it finds in a module's globals must be the real one.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from types import ModuleType
from typing import Any, Final, ForwardRef, cast

_WRAPS: Final[dict[type, str]] = {property: "fget", staticmethod: "__func__", classmethod: "__func__"}


def settle(module: ModuleType, names: set[str]) -> None:
    """Resolve the annotations of a module's functions and classes that mention one of `names`."""
    mentions = re.compile(rf"\b({'|'.join(map(re.escape, sorted(names)))})\b")
    for owner, local in _owners(module.__name__, vars(module), {}, set()):
        try:
            found = owner.__annotations__
        except (AttributeError, NameError):
            continue
        for name, kind in list(cast("dict[str, Any]", found).items()):
            text = kind.__forward_arg__ if isinstance(kind, ForwardRef) else kind
            if isinstance(text, str) and mentions.search(text):
                try:
                    found[name] = eval(text, vars(module), local)  # noqa: S307 - the module's own code, as typing does
                except Exception:  # noqa: S112 - a name that is not there yet: left to whoever asks
                    continue


def _owners(module: str, members: Any, local: dict[str, Any], seen: set[int]) -> Iterator[tuple[Any, dict[str, Any]]]:
    """Yield functions and classes that a module defines, and the names around them."""
    for member in list(members.values()):
        value = _unwrapped(member)
        if value is None or id(value) in seen or value.__module__ != module:
            continue
        seen.add(id(value))
        if isinstance(value, type):
            inside = dict(vars(value))
            yield value, inside
            yield from _owners(module, inside, inside, seen)
        else:
            yield value, local


def _unwrapped(member: object) -> Any:
    """Return the class or function behind a member, None for anything else."""
    member = getattr(member, _WRAPS.get(type(member), ""), member)
    if inspect.isfunction(member):
        return inspect.unwrap(member)
    return member if isinstance(member, type) else None
