"""Which values count as unchangeable, and that they come back as they are, whether their type is known or not."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum, IntEnum
from typing import Any, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leveret_actors.workflow.attributes import all_of, can_change, read, written
from leveret_actors.workflow.values import is_immutable, plain, rebuilt, same
from leveret_broker.codec import Codec

CODEC = Codec()
PARIS = ZoneInfo("Europe/Paris")


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Rank(IntEnum):
    LOW = 1


@dataclass(frozen=True)
class Frozen:
    name: str
    parts: tuple[int, ...] = ()


@dataclass(frozen=True)
class Half:
    parts: list[int] = field(default_factory=list[int])


@dataclass
class Open:
    name: str = ""


class Loose(Frozen):
    """Inherits its frozenness, and has a place for more."""


class Ice(msgspec.Struct, frozen=True):
    name: str
    when: datetime | None = None


class Water(msgspec.Struct):
    name: str = ""


class Pair(NamedTuple):
    one: int
    two: tuple[str, ...] = ()


class LikeInt(int):
    pass


NAIVE = datetime.fromisoformat("2026-01-02T03:04:05.000006")
SELF_TELLING: list[object] = [
    None, True, 0, -5, 2**64 + 1, -(2**70), 1.5, -0.0, float("inf"), float("nan"), "text", "", b"bytes",
    Decimal("1.0"), Decimal("1.00"), date(2026, 2, 3), time(1, 2, 3), time(1, 2, tzinfo=UTC),
    timedelta(days=-3, microseconds=7), NAIVE,
    datetime(2026, 1, 2, tzinfo=UTC),
    datetime(2026, 1, 2, tzinfo=timezone(timedelta(hours=5))), datetime(2026, 10, 25, 2, 30, fold=1, tzinfo=PARIS),
    UUID(int=7), (), (1, "a", (None, 2.0)), frozenset({1, (1, 2)}), frozenset({("a", 1)}), ((frozenset(),),),
]  # fmt: skip
OF_USERS = [
    Colour.RED,
    Rank.LOW,
    Frozen("a", (1, 2)),
    Ice("a", datetime(2026, 1, 1, tzinfo=UTC)),
    Pair(1, ("a",)),
]
CHANGEABLE = [
    [], [1], {}, {"a": 1}, set(), bytearray(), Open(), Half([]), Water(), Loose("a"), LikeInt(3), object(), ([],),
    (1, {"a"}),
    Frozen("a", [1]), Ice([]), Pair([], ()), asyncio.Event(), lambda: 1, iter(()), Frozen,  # type: ignore[arg-type]
]  # fmt: skip


@pytest.mark.parametrize("value", [*SELF_TELLING, *OF_USERS], ids=repr)
def test_values_without_a_place_to_change_count_as_unchangeable(value: object) -> None:
    assert is_immutable(value)
    assert same(value, value)


@pytest.mark.parametrize("value", CHANGEABLE, ids=lambda value: type(value).__name__)
def test_values_with_a_place_to_change_do_not(value: object) -> None:
    assert not is_immutable(value)


def test_a_value_that_is_too_deep_or_too_large_counts_as_changeable() -> None:
    deep: Any = ()
    for _ in range(60):
        deep = (deep,)
    wide: Any = (1,)
    for _ in range(40):
        wide = (wide, wide)

    assert not is_immutable(deep)
    assert not is_immutable(wide)
    assert not is_immutable(tuple(range(20_000)))
    assert is_immutable(tuple(range(9_000)))


@pytest.mark.parametrize("value", SELF_TELLING, ids=repr)
def test_values_that_tell_their_type_come_back_without_an_annotation(value: object) -> None:
    assert same(rebuilt(CODEC.load(CODEC.dump(plain(value)))), value)


@pytest.mark.parametrize("value", OF_USERS, ids=repr)
def test_values_of_other_types_do_not(value: object) -> None:
    with pytest.raises(TypeError, match="annotate the attribute"):
        plain(value)


def test_equal_values_of_other_types_are_not_the_same() -> None:
    different = [(1, True), (1, 1.0), (0.0, -0.0), (Decimal(1), Decimal("1.0")), ((1,), (1.0,)), (Rank.LOW, 1),
                 (datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, 1, tzinfo=timezone(timedelta(hours=1)))),
                 (frozenset({1}), frozenset({True})), (Pair(1), (1, ()))]  # fmt: skip

    assert not any(same(one, other) for one, other in different)


atoms = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(), st.binary(),
    st.decimals(allow_nan=False), st.dates(), st.datetimes(), st.datetimes(timezones=st.just(UTC)),
    st.timedeltas(), st.uuids(),
)  # fmt: skip
values = st.recursive(atoms, lambda inner: st.one_of(st.lists(inner).map(tuple), st.frozensets(inner)), max_leaves=12)


@given(values)
def test_whatever_is_made_of_them_comes_back(value: object) -> None:
    assert is_immutable(value)
    try:
        payload = CODEC.dump(plain(value))
    except Exception:
        return

    assert same(rebuilt(CODEC.load(payload)), value)


class Subject:
    colour: Colour
    share: float
    ice: Ice

    def __init__(self) -> None:
        self.colour, self.share, self.ice, self.free = Colour.RED, 1, Ice("a"), 5


def test_attributes_are_written_by_annotation_where_that_gives_them_back_and_by_themselves_otherwise() -> None:
    now = all_of(Subject())
    assert now is not None

    attributes = written(Subject, {}, now, CODEC)

    assert attributes is not None
    assert {one.name: one.annotated for one in attributes} == {
        "colour": True,
        "ice": True,
        "free": False,
        "share": False,
    }
    found = read(Subject, attributes, CODEC)
    assert all(same(found[name], now[name]) for name in now)
    assert written(Subject, now, now, CODEC) == ()
    assert written(Subject, {}, {"free": Ice("b")}, CODEC) is None


def test_an_object_that_keeps_something_elsewhere_has_no_attributes_to_tell() -> None:
    class Slotted:
        __slots__ = ("a",)

    class Below(Slotted):
        pass

    assert all_of(Slotted()) is None
    assert all_of(Below()) is None
    assert all_of(type("Listed", (list,), {})()) is None
    assert all_of(Subject()) == vars(Subject())


def test_what_was_looked_at_before_is_not_looked_at_again() -> None:
    value = [1]

    assert can_change({"a": value}, {})
    assert not can_change({"a": value}, {"a": value})
    known: dict[str, object] = {}
    assert can_change({"a": (1,), "b": []}, known)
    assert known == {"a": (1,)}
