"""Which of those that wait is next."""

from __future__ import annotations

from collections import Counter

import pytest

from leveret_actors.service.lanes import WEIGHTS, Lanes
from leveret_broker.address import PRIORITIES, Priority


def taken(lanes: Lanes[str], count: int) -> list[str]:
    found: list[str] = []
    for _ in range(count):
        item = lanes.peek()
        assert item is not None
        assert lanes.peek() == item
        lanes.pop()
        found.append(item)
    return found


def filled(**counts: int) -> Lanes[str]:
    lanes: Lanes[str] = Lanes(prioritised=True)
    levels: dict[str, Priority] = {level: level for level in PRIORITIES}
    for name, count in counts.items():
        for _ in range(count):
            lanes.append(name, levels[name])
    return lanes


def test_of_21_that_begin_16_are_high_and_one_is_low_while_all_wait() -> None:
    lanes = filled(low=100, normal=100, high=100)

    found = [Counter(taken(lanes, 21)) for _ in range(4)]

    assert found == [Counter(WEIGHTS)] * 4
    assert len(lanes) == 300 - 4 * 21


@pytest.mark.parametrize(("waiting", "longest"), [("high", 17), ("normal", 5)])
def test_low_waits_for_no_more_than_its_share(waiting: str, longest: int) -> None:
    lanes = filled(low=50, **{waiting: 2_000})

    found = taken(lanes, longest * 50)

    assert all("low" in found[start : start + longest] for start in range(0, len(found), longest))


def test_what_was_empty_has_saved_nothing_up() -> None:
    lanes = filled(low=1_000)
    taken(lanes, 500)

    lanes.append("high", "high")
    for _ in range(20):
        lanes.append("normal", "normal")

    assert taken(lanes, 1) == ["high"]
    assert Counter(taken(lanes, 10)) == Counter(normal=8, low=2)


def test_without_priorities_all_begin_as_they_came() -> None:
    lanes: Lanes[str] = Lanes(prioritised=False)
    for level in reversed(PRIORITIES):
        lanes.append(level, level)
    lanes.put_first("suspect")

    assert list(lanes) == ["suspect", "low", "normal", "high"]
    assert taken(lanes, 4) == ["suspect", "low", "normal", "high"]
    assert (len(lanes), lanes.peek()) == (0, None)


def test_what_is_taken_out_is_not_handed_out() -> None:
    lanes = filled(low=1, high=1)
    lanes.put_first("suspect")

    lanes.remove("high")
    lanes.remove("suspect")

    assert taken(lanes, 1) == ["low"]
    with pytest.raises(ValueError, match="does not wait"):
        lanes.remove("low")
