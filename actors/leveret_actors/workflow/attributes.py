"""The attributes of a workflow object: looked at between turns, written into the journal and set from it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final, get_type_hints

from leveret_actors.workflow.journal import Attribute
from leveret_actors.workflow.values import is_immutable, plain, rebuilt, same
from leveret_broker.codec import Codec, Payload
from leveret_broker.errors import DecodeError, PayloadError, PayloadLocked

_MADE_IN_PYTHON: Final = 1 << 9
"""Flag of classes that a `class` statement makes: their instances keep all they have in attributes."""


def all_of(subject: object) -> dict[str, object] | None:
    """Return the attributes by name; None for an object that may keep something elsewhere as well."""
    kind: Any = type(subject)
    return dict(vars(subject)) if _has_only_attributes(kind) else None


@lru_cache(maxsize=256)
def _has_only_attributes(kind: type[Any]) -> bool:
    return all(cls.__flags__ & _MADE_IN_PYTHON and not vars(cls).get("__slots__") for cls in kind.__mro__[:-1])


def can_change(attributes: Mapping[str, object], known: dict[str, object]) -> bool:
    """Tell whether one of them may be changed in place; `known` has what was looked at and cannot, and gets more."""
    for name, value in attributes.items():
        if known.get(name, attributes) is not value:
            if not is_immutable(value):
                return True
            known[name] = value
    return False


def written(
    cls: type[Any], before: Mapping[str, object], now: Mapping[str, object], codec: Codec
) -> tuple[Attribute, ...] | None:
    """Return what changed from `before` to `now`; None when a value would not come back as it is."""
    kinds = _annotated(cls)
    found: list[Attribute] = []
    for name in sorted(now):
        if name not in before or not same(before[name], now[name]):
            attribute = _by_annotation(name, now[name], kinds, codec) or _by_itself(name, now[name], codec)
            if attribute is None:
                return None
            found.append(attribute)
    return tuple(found)


def read(cls: type[Any], attributes: tuple[Attribute, ...], codec: Codec) -> dict[str, object]:
    """Return what `written` wrote; raises `DecodeError`, which names the attribute and its type."""
    kinds = _annotated(cls) if any(one.annotated for one in attributes) else {}
    found: dict[str, object] = {}
    for one in attributes:
        if one.annotated and one.name not in kinds:
            text = f"attribute {one.name!r} is in the journal as its annotation in the class body had it, and "
            raise DecodeError(f"{text}{cls.__qualname__} has none: annotate it again")
        kind = kinds[one.name] if one.annotated else Any
        try:
            value = codec.load(one.value, kind)
            found[one.name] = value if one.annotated else rebuilt(value)
        except PayloadLocked:
            raise
        except Exception as error:  # rebuilding raises whatever the data leads to
            raise DecodeError(f"attribute {one.name!r} cannot be decoded as {kind!r}: {error}") from error
    return found


def _annotated(cls: type[Any]) -> dict[str, Any]:
    try:
        return get_type_hints(cls)
    except Exception:  # a name that is only there for type checkers: as if nothing was annotated
        return {}


def _by_annotation(name: str, value: object, kinds: Mapping[str, Any], codec: Codec) -> Attribute | None:
    if name not in kinds:
        return None
    try:
        payload = codec.dump(value)
        comes_back = same(value, codec.load(payload, kinds[name]))
    except PayloadError:
        return None
    return Attribute(name, payload, annotated=True) if comes_back else None


def _by_itself(name: str, value: object, codec: Codec) -> Attribute | None:
    try:
        payload: Payload = codec.dump(plain(value))
        comes_back = same(value, rebuilt(codec.load(payload)))
    except (PayloadError, TypeError, ValueError):
        return None
    return Attribute(name, payload) if comes_back else None
