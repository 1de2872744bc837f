"""R05, the second half: found without running."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from leveret_actors.checker import Finding, check, files
from leveret_broker.errors import ConfigurationError

ROOT = Path(__file__).parents[2]
SAMPLES = Path(__file__).parent / "samples"


def marked(path: Path) -> list[tuple[int, str]]:
    """The findings that a sample announces: `# code` at the end of a line."""
    lines = enumerate(path.read_text().splitlines(), start=1)
    return [(number, found[1]) for number, line in lines if (found := re.search(r"  # ([a-z-]+)$", line))]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "leveret_actors.cli", "check", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


def test_R05_each_line_that_breaks_a_rule_is_found_once_with_its_code() -> None:
    path = SAMPLES / "bad.py"

    found = check(path)

    assert [(one.line, one.code) for one in found] == marked(path)


def test_R05_nothing_is_found_in_careful_code_and_what_is_allowed_by_a_comment() -> None:
    assert check(SAMPLES / "good.py") == []


@pytest.mark.parametrize("module", ["examples", "examples.booking.workflow", "examples/booking"])
def test_R05_the_examples_are_clean(module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)

    paths = files(module)

    assert paths
    assert [finding for path in paths for finding in check(path)] == []


def test_R05_a_finding_says_where_it_is_and_what_to_use_instead() -> None:
    finding = next(one for one in check(SAMPLES / "bad.py") if one.code == "sleep")

    assert str(finding).startswith(f"{SAMPLES / 'bad.py'}:{finding.line}:{finding.column} sleep time.sleep(); use ")
    assert isinstance(finding, Finding)
    assert finding.column == 9


def test_R05_modules_are_found_by_name_without_being_imported() -> None:
    paths = files("tests.checker.samples.bad")

    assert [path.name for path in paths] == ["bad.py"]
    assert "tests.checker.samples.bad" not in sys.modules


@pytest.mark.parametrize("module", ["no.such.module", "examples.nothing", "nothing.py"])
def test_R05_what_is_not_there_is_said_by_name(module: str) -> None:
    with pytest.raises(ConfigurationError, match=re.escape(repr(module))):
        files(module)


def test_R05_a_file_that_is_not_python_is_said_by_name(tmp_path: Path) -> None:
    path = tmp_path / "broken.py"
    path.write_text("async def (:")

    with pytest.raises(ConfigurationError, match=r"broken\.py: cannot be checked"):
        check(path)


def test_R05_the_command_prints_a_line_for_each_finding_and_exits_with_1() -> None:
    done = run("tests/checker/samples")

    lines = done.stdout.splitlines()
    assert done.returncode == 1
    assert len(lines) == len(marked(SAMPLES / "bad.py"))
    assert all(re.match(r"tests/checker/samples/bad\.py:\d+:\d+ [a-z-]+ .+", line) for line in lines)


def test_R05_the_command_prints_json_for_programs() -> None:
    done = run("--json", "tests/checker/samples/bad.py")

    [first, *_] = json.loads(done.stdout)
    assert done.returncode == 1
    assert first.keys() == {"file", "line", "column", "code", "text"}


def test_R05_the_command_exits_with_0_when_there_is_nothing() -> None:
    done = run("examples", "tests.checker.samples.good")

    assert done.returncode == 0, done.stdout
    assert done.stdout == ""


def test_R05_the_hook_for_pre_commit_runs_the_command() -> None:
    hook = (ROOT / ".pre-commit-hooks.yaml").read_text()

    assert "entry: leveret check\n" in hook
    assert "types: [python]" in hook
