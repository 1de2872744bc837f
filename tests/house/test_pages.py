"""The pages on workflows, services and others are right: each section runs and prints what it says.

A block that begins with a file's name is that file, for all sections of its page.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers import RabbitServer, RedisServer

ROOT = Path(__file__).parents[2]
PAGES = ("workflows", "services", "payload-codecs", "events", "existing-applications")
BROKER = "amqp://localhost"
SERVERS = f"{BROKER}?store=redis://localhost"
EXCHANGES = re.compile(r'"leveret\.(?=commands|events)')
FILE = re.compile(r"# (\w+\.py)\n")


def sections() -> dict[str, str]:
    """Return the text below each heading of the second level, by page and heading."""
    found: dict[str, str] = {}
    for page in PAGES:
        titles = re.split(r"^## (.+)$", (ROOT / f"docs/{page}.md").read_text(), flags=re.MULTILINE)[1:]
        found |= {f"{page}: {title}": text for title, text in zip(titles[::2], titles[1::2], strict=True)}
    return found


def blocks(kind: str, text: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def programs(text: str) -> list[str]:
    return [block for block in blocks("python", text) if not FILE.match(block)]


def write_files(page: str, folder: Path) -> None:
    """Write all files that a page names."""
    text = (ROOT / f"docs/{page}.md").read_text()
    for block in blocks("py(?:thon)?", text):
        if named := FILE.match(block):
            (folder / named[1]).write_text(block)


def on_servers(program: str, request: pytest.FixtureRequest) -> str:
    """Return the program with the private servers, and a namespace of its own, in place of those it names."""
    if BROKER not in program:
        return program
    rabbit: RabbitServer = request.getfixturevalue("rabbit")
    redis: RedisServer = request.getfixturevalue("redis_server")
    namespace: str = request.getfixturevalue("namespace")
    program = program.replace(SERVERS, f"{rabbit.url}?store={redis.url}&ns={namespace}")
    return EXCHANGES.sub(f'"{namespace}.', program.replace(BROKER, rabbit.url))


@pytest.mark.timeout(150)  # the servers may have to be started
@pytest.mark.parametrize("title", [title for title, text in sections().items() if programs(text)])
def test_each_section_runs_and_prints_what_it_says(title: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    text = sections()[title]
    write_files(title.partition(":")[0], tmp_path)
    (tmp_path / "section.py").write_text(on_servers("\n".join(programs(text)), request))
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
