"""Delays through the ladder: what is left after one rung goes up the next, until the time has come."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from leveret_actors.service.intake import EARLY
from leveret_broker.rabbitmq.topology import RUNGS, rung

DAY = 86_400.0


def way(delay: float, hop: float) -> tuple[float, int]:
    """Return when something comes that waits for `delay`, each rung being late by `hop`, and how many rungs it took.

    As `Intake` and `Desk` have it: what comes before its time goes up again, for what is left.
    """
    now, hops = 0.0, 0
    while delay - now > EARLY or not hops:
        now += rung(delay - now) + hop
        hops += 1
    return now, hops


@given(delay=st.floats(0.001, DAY), hop=st.floats(0, 0.05))
def test_S01_a_delay_is_right_within_a_fifth_and_a_tenth_of_a_second_up_to_a_day(delay: float, hop: float) -> None:
    came, hops = way(delay, hop)

    assert delay - EARLY <= came <= 1.2 * delay + 0.1
    assert hops <= len(RUNGS) + DAY / RUNGS[-1]


@given(delay=st.floats(RUNGS[0], DAY))
def test_S01_no_rung_is_longer_than_what_is_left_but_the_shortest(delay: float) -> None:
    found = rung(delay)

    assert found <= delay
    assert found == RUNGS[-1] or 2 * found > delay


def test_S01_the_rungs_double_so_that_any_delay_takes_few_of_them() -> None:
    assert all(upper == 2 * lower for lower, upper in pairwise(RUNGS))
    assert [way(delay, 0.0)[1] for delay in (0.02, 1.0, 60.0, 3600.0)] == [1, 1, 4, 4]
