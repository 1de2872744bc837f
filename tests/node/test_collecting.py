"""How often the garbage collector looks while a node runs."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from leveret_actors.collecting import OBJECTS, rarely_collecting


@pytest.fixture(autouse=True)
def threshold_after() -> Iterator[None]:
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)


def test_circles_are_looked_for_less_often_only_while_a_node_runs() -> None:
    gc.set_threshold(700, 5, 6)

    with rarely_collecting():
        meanwhile = gc.get_threshold()

    assert meanwhile == (OBJECTS, 5, 6)
    assert gc.get_threshold() == (700, 5, 6)


@pytest.mark.parametrize("chosen", [0, OBJECTS + 1])
def test_what_an_application_has_chosen_stands(chosen: int) -> None:
    gc.set_threshold(chosen, 5, 6)

    with rarely_collecting():
        meanwhile = gc.get_threshold()

    assert meanwhile == (chosen, 5, 6)
