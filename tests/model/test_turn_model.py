"""The protocol has no violation, and each mistake has one."""

import pytest

from tests.model.turn_model import Mistake, Model, search

NEEDS_TWO_FAULTS = Mistake.WARM_TAKE_OVER


@pytest.mark.timeout(240)
@pytest.mark.parametrize("faults", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_the_protocol_keeps_its_promises_in_every_interleaving(faults: int) -> None:
    found = search(Model(), faults)

    assert not found.violation, "\n".join((found.violation, *found.trace))
    assert found.states > 10_000


@pytest.mark.timeout(240)
@pytest.mark.parametrize("mistake", [mistake for mistake in Mistake if mistake])
def test_each_mistake_is_found(mistake: Mistake) -> None:
    found = search(Model(mistake), 2 if mistake is NEEDS_TWO_FAULTS else 1)

    assert found.violation
    assert found.trace
