"""R: what earlier engines wrote, today's repeats."""

from __future__ import annotations

import ast
import asyncio
import os
import sys
from pathlib import Path

import pytest

from leveret_actors.cli.discovery import workflows_of
from leveret_broker.errors import ConfigurationError
from tests.golden.again import repeat
from tests.golden.bookings import BOOKINGS
from tests.golden.shelf import JOURNALS, LARGEST_SHELF, MACHINES, ONLY_SERVICES, RECORDED, ROOT, WITHOUT, files


@pytest.mark.parametrize("file", files(), ids=lambda file: file.relative_to(JOURNALS).as_posix())
def test_a_golden_journal_is_repeated_with_its_result(file: Path) -> None:
    repeat(file)


@pytest.mark.parametrize("seed", ["0", "1", "4711"])
async def test_golden_journals_are_repeated_under_other_hash_seeds(seed: str) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.golden.again",
        stdout=asyncio.subprocess.PIPE, cwd=ROOT, env={**os.environ, "PYTHONHASHSEED": seed},
    )  # fmt: skip

    printed, _ = await process.communicate()

    assert printed.decode() == f"{len(files())} repeated\n"


def with_instances() -> set[str]:
    """The tests that get a house to start instances in, which are replayed at its end."""
    found: set[str] = set()
    for file in (file for folder in RECORDED for file in sorted(folder.glob("test_*.py"))):
        if file.stem in ONLY_SERVICES:
            continue
        for node in ast.parse(file.read_text()).body:
            if isinstance(node, ast.AsyncFunctionDef | ast.FunctionDef) and node.name.startswith("test_"):
                found |= {node.name for argument in node.args.args if argument.arg == "house"}
    return found


def test_each_conformance_test_and_each_test_of_an_example_has_a_golden_journal() -> None:
    there = {file.stem for file in files()}

    missing = sorted(with_instances() - there - set(WITHOUT))

    assert not missing, "write them with `python -m tests.golden.record`, or say in shelf.WITHOUT why there can be none"


def test_reasons_for_having_no_golden_journal_are_taken_off_when_they_are_gone() -> None:
    there = {file.stem for file in files()}

    assert [test for test in WITHOUT if test in there or test not in with_instances()] == []


def test_each_workflow_of_the_examples_has_a_golden_journal() -> None:
    there = {file.parent.relative_to(JOURNALS).as_posix() for file in files()}

    assert sorted(workflows_of_the_examples() - there) == []


def workflows_of_the_examples() -> set[str]:
    found: set[str] = set()
    for file in sorted((ROOT / "examples").glob("*/*.py")):
        module = ".".join(file.relative_to(ROOT).with_suffix("").parts)
        try:
            found |= {f"{one.__module__}/{one.__qualname__}" for one in workflows_of(module)}
        except ConfigurationError:  # it has none
            continue
    return found


def test_every_way_through_the_booking_has_a_golden_journal() -> None:
    there = {file.stem for file in files() if file.parent.name == "BookingWorkflow"}

    assert set(BOOKINGS) <= there


def test_a_golden_journal_names_no_machine() -> None:
    for file in files():
        text = file.read_text()
        assert not [machine for machine in MACHINES if machine in text], file


def test_golden_journals_stay_small() -> None:
    assert sum(file.stat().st_size for file in files()) < LARGEST_SHELF
