"""The protocol has no violation, and each mistake has one."""

import pytest

from tests.model.turn_model import Mistake, Model, search


@pytest.mark.timeout(240)
def test_the_protocol_keeps_its_promises_in_every_interleaving() -> None:
    found = search(Model())

    assert not found.violation, "\n".join((found.violation, *found.trace))
    assert found.states > 100_000


@pytest.mark.timeout(240)
@pytest.mark.parametrize("mistake", [mistake for mistake in Mistake if mistake])
def test_each_mistake_is_found(mistake: Mistake) -> None:
    found = search(Model(mistake))

    assert found.violation
    assert found.trace
