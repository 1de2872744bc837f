"""R: what earlier engines wrote, today's repeats."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from leveret_actors.testing import replay
from leveret_actors.workflow import journal
from leveret_actors.workflow.course import course_of
from leveret_actors.workflow.exported import read
from leveret_broker.outcome import Completed
from tests.conformance.cold import outcomes
from tests.golden.bookings import BOOKINGS
from tests.golden.shelf import JOURNALS, MACHINES, code_of, files


@pytest.mark.parametrize("file", files(), ids=lambda file: file.relative_to(JOURNALS).as_posix())
def test_a_golden_journal_is_repeated_with_its_result(file: Path) -> None:
    exported, code = read(file), code_of(file)

    replayed = replay(code, exported)

    turns = [journal.decode(record) for record in exported.records]
    then = [turn.completion for turn in course_of(turns).turns]
    assert replayed.turns
    assert values(outcomes(code, exported.instance, turns)) == values(then)


def values(ends: Iterable[object]) -> list[bytes]:
    """What was returned; sorted, because a set has another order in every process."""
    return [bytes(sorted(end.value)) for end in ends if isinstance(end, Completed)]


def test_every_way_through_the_booking_has_a_golden_journal() -> None:
    there = {file.stem for file in files() if file.parent.name == "BookingWorkflow"}

    assert there == set(BOOKINGS)


def test_a_golden_journal_names_no_machine() -> None:
    for file in files():
        text = file.read_text()
        assert not [machine for machine in MACHINES if machine in text], file
