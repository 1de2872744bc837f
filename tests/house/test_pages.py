"""The pages on workflows, services and payload codecs are right: each section runs and prints what it says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = ("workflows", "services", "payload-codecs", "events")


def sections() -> dict[str, str]:
    """Return the text below each heading of the second level, by page and heading."""
    found: dict[str, str] = {}
    for page in PAGES:
        titles = re.split(r"^## (.+)$", (ROOT / f"docs/{page}.md").read_text(), flags=re.MULTILINE)[1:]
        found |= {f"{page}: {title}": text for title, text in zip(titles[::2], titles[1::2], strict=True)}
    return found


def blocks(kind: str, text: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("title", [title for title, text in sections().items() if blocks("python", text)])
def test_each_section_runs_and_prints_what_it_says(title: str, tmp_path: Path) -> None:
    text = sections()[title]
    (tmp_path / "section.py").write_text("\n".join(blocks("python", text)))
    paths = os.pathsep.join(str(ROOT / part) for part in ("broker", "sdk", "actors"))

    done = subprocess.run(
        [sys.executable, "section.py"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout == "".join(blocks("text", text))
