"""The pages for who comes from other engines are right: each of our programs runs, prints what it says, is typed."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = ("coming-from-infinitic", "coming-from-temporal")
PATHS = [str(ROOT / part) for part in ("broker", "sdk", "actors")]
ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join(PATHS), "PYRIGHT_PYTHON_IGNORE_WARNINGS": "1"}


def blocks(kind: str, text: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def programs(page: str) -> dict[str, tuple[str, str]]:
    """Return program and output of each comparison: how all of them begin, and its own block."""
    text = (ROOT / f"docs/{page}.md").read_text()
    begin, *parts = re.split(r"^### (.+)$", text.partition("\n## Ten programs\n")[2], flags=re.MULTILINE)
    (beginning,) = blocks("python", begin)
    found: dict[str, tuple[str, str]] = {}
    for title, part in zip(parts[::2], parts[1::2], strict=True):
        (ours,) = blocks("python", part)  # theirs is Kotlin, or "py"
        (output,) = blocks("text", part)
        found[title] = f"{beginning}\n\n{ours}", output
    return found


def run(*command: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *command], cwd=cwd, env=ENVIRONMENT, capture_output=True, text=True, timeout=150, check=False
    )


@pytest.mark.parametrize("page", PAGES)
def test_each_page_compares_ten_programs(page: str) -> None:
    assert len(programs(page)) == 10


@pytest.mark.timeout(60)
@pytest.mark.parametrize(("page", "title"), [(page, title) for page in PAGES for title in programs(page)])
def test_each_program_runs_and_prints_what_it_says(page: str, title: str, tmp_path: Path) -> None:
    program, output = programs(page)[title]
    (tmp_path / "program.py").write_text(program)

    done = run("program.py", cwd=tmp_path)

    assert done.returncode == 0, done.stderr
    assert done.stdout == output


@pytest.mark.timeout(300)
def test_both_type_checkers_accept_the_programs(tmp_path: Path) -> None:
    for page in PAGES:
        for number, (program, _) in enumerate(programs(page).values()):
            (tmp_path / f"{page.replace('-', '_')}_{number}.py").write_text(program)
    names = sorted(file.name for file in tmp_path.glob("*.py"))
    # All of them begin alike, and no one needs all of it.
    quiet = {"typeCheckingMode": "strict", "reportUnusedImport": False, "reportUnusedClass": False}
    (tmp_path / "pyrightconfig.json").write_text(json.dumps({**quiet, "include": names, "extraPaths": PATHS}))
    mypy = run("-m", "mypy", "--strict", *(str(tmp_path / name) for name in names), cwd=ROOT)
    pyright = run("-m", "pyright", "--project", str(tmp_path), "--pythonpath", sys.executable, cwd=tmp_path)

    assert (mypy.returncode, pyright.returncode) == (0, 0), mypy.stdout + pyright.stdout
