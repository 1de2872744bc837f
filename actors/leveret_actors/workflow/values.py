"""Values that nobody can change in place, and that come back from the journal as they went in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum
from types import NoneType
from typing import Any, Final, cast
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

MOST_PARTS: Final = 10_000
"""Parts of one value that are looked at; a larger one counts as one that may change."""
DEEPEST: Final = 50
"""Values inside values that are looked at; a deeper one counts as one that may change."""

_ATOMS: Final = frozenset({
    NoneType, bool, int, float, str, bytes, Decimal, datetime, date, time, timedelta, UUID
})  # fmt: skip
_BY_TEXT: Final = (float, Decimal, datetime, time)
"""Types whose equal values may differ: in sign, digits, zone."""
_NATIVE: Final = frozenset({NoneType, bool, float, str, bytes})
"""Types that decode as they were encoded, whoever asks."""


def _datetime(text: str, fold: int) -> datetime:
    return datetime.fromisoformat(text).replace(fold=fold)


def _zoned(text: str, fold: int, zone: str) -> datetime:
    return datetime.fromisoformat(text).replace(fold=fold, tzinfo=ZoneInfo(zone))


_WORDS: Final[dict[str, Callable[..., object]]] = {
    "int": int,
    "decimal": Decimal,
    "date": date.fromisoformat,
    "time": time.fromisoformat,
    "timedelta": timedelta,
    "uuid": UUID,
    "datetime": _datetime,
    "zoned": _zoned,
}


def is_immutable(value: object) -> bool:
    """Tell whether neither the value nor anything in it can be changed, as far as its types tell."""
    left = [(value, 0)]
    for _ in range(MOST_PARTS):
        one, depth = left.pop()
        if type(one) not in _ATOMS and not isinstance(one, Enum):
            parts = _parts(one) if depth < DEEPEST else None
            if parts is None or len(parts) > MOST_PARTS:
                return False
            left.extend((part, depth + 1) for part in parts)
        if not left:
            return True
    return False


def same(one: object, other: object) -> bool:
    """Tell whether two immutable values are equal, and so are the types of all their parts."""
    if type(one) is not type(other):
        return False
    if isinstance(one, Enum) or type(one) in _ATOMS:
        return repr(one) == repr(other) if isinstance(one, _BY_TEXT) else one == other
    if isinstance(one, frozenset):
        members = cast("frozenset[object]", other)
        there = {member: member for member in members}
        mine = cast("frozenset[object]", one)
        return len(mine) == len(there) and all(part in there and same(part, there[part]) for part in mine)
    parts, others = _parts(one), _parts(other)
    return (
        parts is not None
        and others is not None
        and len(parts) == len(others)
        and all(same(part, its) for part, its in zip(parts, others))
    )


def plain(value: object) -> object:
    """Return data that tells its types by itself; raises `TypeError` for a value whose type has no word here."""
    kind = type(value)
    if kind in _NATIVE or (isinstance(value, int) and kind is int and -(2**63) <= value < 2**64):
        return value
    if kind is tuple:
        return ["tuple", *map(plain, cast("tuple[object, ...]", value))]
    if kind is frozenset:  # in one order in every process
        return ["frozenset", *sorted(map(plain, cast("frozenset[object]", value)), key=msgspec.msgpack.encode)]
    if kind in {int, Decimal, UUID}:
        return [kind.__name__.lower(), str(value)]
    if isinstance(value, datetime):
        return _plain_datetime(value)
    if isinstance(value, date | time):
        return [kind.__name__, value.isoformat()]
    if isinstance(value, timedelta):
        return ["timedelta", value.days, value.seconds, value.microseconds]
    raise TypeError(f"a {kind.__qualname__} does not tell its type: annotate the attribute in the class body")


def _plain_datetime(value: datetime) -> list[object]:
    zone = value.tzinfo
    if isinstance(zone, ZoneInfo) and zone.key:
        return ["zoned", value.replace(tzinfo=None).isoformat(), value.fold, zone.key]
    if zone is None or type(zone) is timezone:
        return ["datetime", value.isoformat(), value.fold]
    raise TypeError(f"a datetime with a {type(zone).__qualname__} does not tell its zone")


def rebuilt(data: Any) -> object:
    """Return the value of plain data; raises whatever data of another origin leads to."""
    if not isinstance(data, list):
        return data
    word, *parts = cast("list[Any]", data)  # type: ignore[redundant-cast] # for pyright
    if word == "tuple":
        return tuple(map(rebuilt, parts))
    if word == "frozenset":
        return frozenset(map(rebuilt, parts))
    return _WORDS[word](*parts)


def _parts(value: Any) -> list[object] | None:
    """Return what a value is made of; None for one that may be changed in place."""
    kind = _kind(value)
    if kind in {tuple, frozenset} or (tuple in kind.__mro__ and _is_named(kind, value)):
        return list(cast("tuple[object, ...] | frozenset[object]", value))
    if msgspec.Struct in kind.__mro__:
        return [getattr(value, name) for name in kind.__struct_fields__] if kind.__struct_config__.frozen else None
    how: Any = kind.__dict__.get("__dataclass_params__")
    if how is None or not how.frozen:
        return None
    fields: Mapping[str, object] = kind.__dataclass_fields__
    if not set(getattr(value, "__dict__", ())) <= set(fields):
        return None
    return [getattr(value, name) for name in fields if hasattr(value, name)]


def _is_named(kind: Any, value: Any) -> bool:
    """Tell whether a tuple is a NamedTuple that has nothing but its fields."""
    return hasattr(kind, "_fields") and not getattr(value, "__dict__", None)


def _kind(value: object) -> Any:
    """Return the type, of which type checkers know too little."""
    return type(value)
