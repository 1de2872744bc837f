"""Writes the golden journals that are missing: `python -m tests.golden.record`."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from examples.booking.workflow import BookingWorkflow
from tests.conformance import house
from tests.conformance.cold import assert_it_repeats
from tests.golden import shelf
from tests.golden.bookings import BOOKINGS, bookings


async def record_bookings() -> list[Path]:
    folder = shelf.JOURNALS / BookingWorkflow.__module__ / BookingWorkflow.__qualname__
    missing = {name for name in BOOKINGS if not (folder / f"{name}.jsonl").exists()}
    kept = [shelf.keep(BookingWorkflow, name, name, records) async for name, records in bookings(missing)]
    return [file for file in kept if file is not None]


def record_conformance() -> list[Path]:
    """Run the conformance tests in one file each, and keep the journals that they replay at their end."""
    kept: list[Path] = []

    def repeats(workflow: type[Any], instance: str, records: list[bytes]) -> None:
        assert_it_repeats(workflow, instance, records)
        test, _, _ = os.environ["PYTEST_CURRENT_TEST"].rpartition("::")[2].partition("[")
        file = shelf.keep(workflow, test, instance, records)
        if file is not None:
            kept.append(file)

    house.__dict__["assert_it_repeats"] = repeats
    pytest.main(["-q", "-k", "embedded", str(shelf.ROOT / "tests/conformance")])
    return kept


def main() -> None:
    kept = asyncio.run(record_bookings()) + record_conformance()
    sys.stdout.write("".join(f"{file.relative_to(shelf.JOURNALS)}\n" for file in kept))
    sys.stdout.write(f"{len(kept)} recorded\n")


if __name__ == "__main__":
    main()
