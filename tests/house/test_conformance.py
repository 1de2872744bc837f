"""Each promise has its test, and the table tells the truth."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

import pytest

from tests.conformance import table
from tests.conformance.promises import DUE, ids_of, promises
from tests.conformance.table import FAILED, PASSED, Results

FOLDER = Path(table.__file__).parent
TESTS = {
    name: file.name
    for file in sorted(FOLDER.glob("test_*.py"))
    for name in re.findall(r"^(?:async )?def (test_\w+)", file.read_text(), re.MULTILINE)
}


def test_each_promise_that_is_due_has_a_test() -> None:
    tested = {identity for test in TESTS for identity in ids_of(test)}

    assert [identity for identity in promises() if identity[0] in DUE and identity not in tested] == []


def test_each_conformance_test_names_a_promise_of_the_page() -> None:
    listed = promises()

    assert [test for test in TESTS if not ids_of(test) or not set(ids_of(test)) <= set(listed)] == []


def test_the_page_has_all_groups_and_numbers_them_without_gaps() -> None:
    listed = list(promises())

    assert {identity[0] for identity in listed} == {*DUE, "S"}
    for group in (*DUE, "S"):
        numbers = [int(identity[1:]) for identity in listed if identity[0] == group]
        assert numbers == list(range(1, len(numbers) + 1)), group


def run(**outcomes: str) -> Results:
    """All promises hold on both transports, but for what is said."""
    every = {(f"test_{identity}_holds", transport): PASSED for identity in promises() for transport in table.TRANSPORTS}
    results = Results(every)
    for name, outcome in outcomes.items():
        for transport in table.TRANSPORTS:
            del results.outcomes[f"test_{name}_holds", transport]
        if outcome == FAILED:
            results.outcomes[f"test_{name}_holds", "embedded"] = PASSED
            results.outcomes[f"test_{name}_holds", "servers"] = FAILED
        elif outcome == PASSED:
            results.outcomes[f"test_{name}_holds", "embedded"] = PASSED
    return results


def test_all_is_well_when_each_promise_passed_on_both_transports() -> None:
    lines, good = table.verdict(run().rows(), whole=True)

    assert good
    assert lines[0].split() == ["id", "embedded", "RabbitMQ", "+", "Redis", "test"]
    assert lines[1].split() == ["W01", "passed", "passed", "test_W01_holds"]
    assert len(lines) == len(promises()) + 3


@pytest.mark.parametrize(
    ("what", "line"),
    [
        (FAILED, "C04  passed   FAILED           test_C04_holds"),
        (PASSED, "C04  passed   -                test_C04_holds"),
        ("none", "C04  -        -                no test YET: A channel keeps"),
    ],
)
def test_a_promise_that_failed_or_ran_on_one_transport_or_has_no_test_is_told(what: str, line: str) -> None:
    lines, good = table.verdict(run(C04=what).rows(), whole=True)

    assert not good
    assert lines[-1].startswith(line)


def test_a_promise_that_is_not_due_may_have_no_test() -> None:
    lines, good = table.verdict(run(S05="none").rows(), whole=True)

    assert good
    assert [text for text in lines if "no test yet: Tasks run in batches" in text]


def report(name: str, outcome: Literal["passed", "failed", "skipped"]) -> pytest.TestReport:
    return pytest.TestReport(f"tests/conformance/test_x.py::{name}", ("", 0, ""), {}, outcome, None, "call")


def test_of_several_parameters_and_phases_the_worst_counts_and_what_is_skipped_has_failed() -> None:
    results = Results()

    for one in (
        report("test_C04_a[embedded-True]", "failed"),
        report("test_C04_a[embedded-False]", "passed"),
        report("test_C04_a[servers-True]", "passed"),
        report("test_C05_b[True-servers]", "skipped"),
    ):
        results.pytest_runtest_logreport(one)

    assert results.outcomes == {
        ("test_C04_a", "embedded"): FAILED,
        ("test_C04_a", "servers"): PASSED,
        ("test_C05_b", "servers"): FAILED,
    }
