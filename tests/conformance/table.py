"""Runs the conformance tests and prints what holds: `python -m tests.conformance.table`, or `make conformance`.

Arguments are those of pytest (`-n 2 --dist loadfile`); `-k C04` for a part: promises outside of it are not missed then.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest

from tests.conformance.promises import DUE, ids_of, promises

TRANSPORTS: Final = {"embedded": "embedded", "servers": "RabbitMQ + Redis"}
"""As the fixture names them, and as the table does."""
PASSED, FAILED, ABSENT = "passed", "FAILED", "-"


@dataclass
class Results:
    """A plugin of pytest: keeps how each test ended on each transport."""

    outcomes: dict[tuple[str, str], str] = field(default_factory=dict[tuple[str, str], str])
    """By test and transport; of several parameters the worst."""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take one phase of a test; what is skipped has proved nothing."""
        test, _, parameters = report.nodeid.rpartition("::")[2].partition("[")
        for transport in TRANSPORTS:
            if transport in parameters.rstrip("]").split("-"):
                before = self.outcomes.get((test, transport), PASSED)
                self.outcomes[test, transport] = before if report.passed else FAILED

    def rows(self) -> Iterator[Row]:
        """One for each promise and test of it, in the order of the page; those of an unknown id come last."""
        tests = {test for test, _ in self.outcomes}
        listed = promises()
        strange = sorted({identity for test in tests for identity in ids_of(test) or ["?"]} - set(listed))
        for identity in (*listed, *strange):
            mine = sorted(test for test in tests if identity in (ids_of(test) or ["?"]))
            for test in mine:
                embedded, servers = (self.outcomes.get((test, one), ABSENT) for one in TRANSPORTS)
                yield Row(identity, test, embedded, servers)
            if not mine:
                yield Row(identity, listed[identity], ABSENT, ABSENT, tested=False)


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    id: str
    test: str
    """Its name; the promise, when it has none."""
    embedded: str
    servers: str
    tested: bool = True

    @property
    def is_good(self) -> bool:
        """Whether it passed on both transports, or is not due yet."""
        if not self.tested:
            return self.id[0] not in DUE
        return self.embedded == self.servers == PASSED

    def __str__(self) -> str:
        what = self.test if self.tested else f"no test {'yet' if self.is_good else 'YET'}: {self.test}"
        return f"{self.id:4} {self.embedded:8} {self.servers:16} {what}"


def verdict(rows: Iterable[Row], *, whole: bool) -> tuple[list[str], bool]:
    """Return the lines to print, and whether all is well; `whole`: promises that have no test count."""
    shown = [row for row in rows if row.tested or whole]
    bad = [row for row in shown if not row.is_good]
    promised = {row.id for row in shown}
    kept = promised - {row.id for row in shown if not row.tested} - {row.id for row in bad}
    head = str(Row("id", "test", TRANSPORTS["embedded"], TRANSPORTS["servers"]))
    tests = {row.test for row in shown if row.tested}
    tail = f"{len(kept)} of {len(promised)} promises hold, proved by {len(tests)} tests"
    lines = [head, *map(str, shown), "", tail]
    if bad:
        lines += ["not good:", *map(str, bad)]
    return lines, not bad


def main(arguments: list[str]) -> int:
    """Run, print, and tell by 0 or 1."""
    results = Results()
    code = pytest.main(["-q", *arguments, str(Path(__file__).parent)], plugins=[results])
    lines, good = verdict(results.rows(), whole=not any(text.startswith("-k") for text in arguments))
    sys.stdout.write("\n" + "\n".join(lines) + "\n")
    return 0 if good and code == pytest.ExitCode.OK else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
