"""Repeats all golden journals, under whatever Python and hash seed it is run with: `python -m tests.golden.again`."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

from leveret_actors.testing import replay
from leveret_actors.workflow import journal
from leveret_actors.workflow.course import course_of
from leveret_actors.workflow.exported import read
from leveret_broker.outcome import Completed
from tests.conformance.cold import outcomes
from tests.golden.shelf import code_of, files


def repeat(file: Path) -> None:
    """Raise what is wrong: a `ReplayMismatch`, or another value in the end."""
    exported, code = read(file), code_of(file)

    replayed = replay(code, exported)

    turns = [journal.decode(record) for record in exported.records]
    then = [turn.completion for turn in course_of(turns).turns]
    assert replayed.turns
    assert values(outcomes(code, exported.instance, turns)) == values(then)


def values(ends: Iterable[object]) -> list[bytes]:
    """What was returned; sorted, because a set has another order in every process."""
    return [bytes(sorted(end.value)) for end in ends if isinstance(end, Completed)]


if __name__ == "__main__":
    for each in files():
        repeat(each)
    sys.stdout.write(f"{len(files())} repeated\n")
