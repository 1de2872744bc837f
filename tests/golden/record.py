"""Writes the golden journals that are missing: `python -m tests.golden.record`; says which it cannot write, and why.

An argument is an expression of `pytest -k`, for the tests that are new: `python -m tests.golden.record S05`.
"""

from __future__ import annotations

import asyncio
import os
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from examples.booking.workflow import BookingWorkflow
from leveret.interceptors import WorkflowInterceptor
from leveret_actors import Node
from leveret_actors.testing import ReplayMismatch
from tests.conformance import house
from tests.conformance.cold import assert_it_repeats
from tests.golden import shelf
from tests.golden.bookings import BOOKINGS, bookings

Kept = list[tuple[Path, str]]


async def record_bookings() -> Kept:
    folder = shelf.JOURNALS / BookingWorkflow.__module__ / BookingWorkflow.__qualname__
    missing = {name for name in BOOKINGS if not (folder / f"{name}.jsonl").exists()}
    return [shelf.keep(BookingWorkflow, name, name, records) async for name, records in bookings(missing)]


def record_tests(which: str) -> Kept:
    """Run the conformance tests and those of the examples on one file, and keep the journals that they replay."""
    kept: Kept = []

    def repeats(
        workflow: type[Any], instance: str, records: list[bytes], interceptors: tuple[WorkflowInterceptor, ...] = ()
    ) -> None:
        assert_it_repeats(workflow, instance, records, interceptors)
        test, _, _ = os.environ["PYTEST_CURRENT_TEST"].rpartition("::")[2].partition("[")
        if interceptors and not _repeats_alone(workflow, instance, records):
            kept.append((shelf.place(workflow, test), "needs its interceptors"))
        else:
            kept.append(shelf.keep(workflow, test, instance, records))

    house.__dict__["assert_it_repeats"] = repeats
    house.__dict__["Node"] = partial(Node, name="node")  # by default it has the name of its machine
    folders = [str(folder) for folder in shelf.RECORDED]
    early = "ignore::pytest.PytestAssertRewriteWarning"  # of plugins that the engine has imported already
    pytest.main(["-q", "-W", early, "-k", f"embedded and ({which})", *folders])
    return kept


def _repeats_alone(workflow: type[Any], instance: str, records: list[bytes]) -> bool:
    try:
        assert_it_repeats(workflow, instance, records)
    except (AssertionError, ReplayMismatch):
        return False
    return True


def main(which: str = "test") -> None:
    kept = asyncio.run(record_bookings()) + record_tests(which)
    written = [file for file, why_not in kept if not why_not]
    others = {f"{file.relative_to(shelf.JOURNALS)}: not kept, {why}" for file, why in kept if not file.exists()}
    lines = [*(str(file.relative_to(shelf.JOURNALS)) for file in written), *sorted(others)]
    sys.stdout.write("".join(f"{line}\n" for line in [*lines, f"{len(written)} recorded"]))


if __name__ == "__main__":
    main(*sys.argv[1:])
