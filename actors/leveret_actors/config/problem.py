"""What is wrong with a configuration, in the words of its writer."""

from __future__ import annotations

import re
import types
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Union, cast, get_args, get_origin, get_type_hints

import msgspec

_WHERE = re.compile(r"^(?P<what>.*?)(?: - at `\$\.?(?P<where>.*)`)?$", re.DOTALL)
_INDEX = re.compile(r"\[(\d+)\]")
_UNKNOWN = re.compile(r"Object contains unknown field `(?P<key>.*)`")


def explain(error: msgspec.ValidationError, kind: type[msgspec.Struct], data: Mapping[str, Any]) -> str:
    """Return key, problem, and what is allowed there."""
    found = _WHERE.match(str(error))
    what, where = (found["what"], found["where"] or "") if found else (str(error), "")
    path = _named(where, kind, data)
    key = ".".join(path)
    unknown = _UNKNOWN.match(what)
    if unknown is None:
        return f"{key}: {what}"
    section = section_at(kind, path)
    allowed = "" if section is None else f"; allowed here: {', '.join(keys_of(section))}"
    return f"{'.'.join((*path, unknown['key']))} is not a setting{allowed}"


def _named(where: str, kind: Any, data: Any) -> list[str]:
    """Return the keys of a path; msgspec writes `[...]` for an entry of a table, which is looked for in the data.

    A table of a list is called by its name, where it has one.
    """
    path: list[str] = []
    for word in _INDEX.sub(r".\1", where).replace("[...]", ".*").split(".") if where else []:
        key = word if word != "*" else _culprit(child(kind, word), table(data)) or "<name>"
        kind = child(kind, key)
        if isinstance(data, list) and key.isdecimal():
            data = cast("Sequence[Any]", data)[int(key)]
            key = str(table(data).get("name", key))
        else:
            data = table(data).get(key)
        path.append(key)
    return path


def table(data: Any) -> dict[str, Any]:
    """Return a TOML table, an empty one for anything else."""
    return cast("dict[str, Any]", data) if isinstance(data, dict) else {}


def _culprit(kind: Any, entries: dict[str, Any]) -> str | None:
    for name, entry in entries.items():
        try:
            msgspec.convert(entry, kind)
        except msgspec.ValidationError:
            return name
    return None


def keys_of(section: type[msgspec.Struct]) -> list[str]:
    """Return the keys that a section may have."""
    return sorted(field.encode_name for field in msgspec.structs.fields(section))


def section_at(kind: Any, path: list[str]) -> type[msgspec.Struct] | None:
    """Return the section at a path of keys; None when there is none."""
    for key in path:
        kind = child(kind, key)
    kind = plain(kind)
    return kind if isinstance(kind, type) and issubclass(kind, msgspec.Struct) else None


def child(kind: Any, key: str) -> Any:
    """Return the type of what stands under `key` in a section or a table of sections; None when nothing may."""
    kind = plain(kind)
    if get_origin(kind) is dict:
        return get_args(kind)[1]
    if get_origin(kind) is list:
        return get_args(kind)[0]
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return get_type_hints(kind, include_extras=True).get(key)
    return None


def plain(kind: Any) -> Any:
    """Return a type without the `None` and the limits around it."""
    if get_origin(kind) is Annotated:
        return plain(get_args(kind)[0])
    if get_origin(kind) in {Union, types.UnionType}:
        rest = [part for part in get_args(kind) if part is not type(None)]
        return plain(rest[0]) if len(rest) == 1 else kind
    return kind
