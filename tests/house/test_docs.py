"""The quick start works as written: its files are written, its commands run, in its order."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import pytest

from tests.servers import RabbitServer, RedisServer

ROOT = Path(__file__).parents[2]
QUICK_START = ROOT / "docs/quick-start.md"
SERVERS = "## The same on RabbitMQ and Redis"
ITS_URL = "amqp://localhost?store=redis://localhost&ns=orders"

INSTALLS = ("python3 -m venv", "pip install")
"""Lines that a test must not follow: the environment of the tests has it installed."""
SERVES = ("leveret dev", "leveret node")
READY = "serves workflows: Order v1"


def blocks(text: str) -> list[tuple[str, str]]:
    """Return kind and content of each fenced block."""
    return re.findall(r"^```(\w+)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


@dataclass
class Reader:
    """Somebody who follows the page in a folder, with one terminal for what serves and one for the rest."""

    folder: Path
    url: str = ITS_URL
    """Where RabbitMQ and Redis really are."""
    output: dict[str, str] = field(default_factory=dict[str, str])
    """What each command printed."""
    _serving: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> Self:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("LEVERET_")}
        paths = [str(ROOT / part) for part in ("broker", "sdk", "actors")]
        path = os.pathsep.join([str(Path(sys.executable).parent), kept["PATH"]])
        self.environment = kept | {"PYTHONPATH": os.pathsep.join(paths), "PATH": path}
        return self

    def __exit__(self, *_: object) -> None:
        self._serving.close()

    def follow(self, text: str) -> None:
        """Do all that the text says."""
        for kind, content in blocks(text):
            if kind == "sh":
                for line in content.replace("\\\n", " ").splitlines():
                    self.type(line)
            elif kind in {"python", "toml"}:
                self.write(content)

    def write(self, content: str) -> None:
        """Write a file, named in its first line."""
        named = re.match(r"# (\w+\.(?:py|toml))\n", content)
        assert named, f"a block without a file name in its first line: {content[:60]}"
        (self.folder / named[1]).write_text(content)

    def type(self, line: str) -> None:
        """Run one line, in the background if it serves."""
        words = shlex.split(line.replace(ITS_URL, self.url))
        if line.startswith(INSTALLS):
            return
        if words[0] == "export":
            name, _, value = words[1].partition("=")
            self.environment[name] = value
        elif line.startswith(SERVES):
            self._serving.close()
            self._serving.enter_context(self._background(words))
        else:
            done = subprocess.run(
                words, cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=120, check=False
            )
            assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
            self.output[line] = done.stdout

    @contextmanager
    def _background(self, words: list[str]) -> Generator[None]:
        with subprocess.Popen(
            words, cwd=self.folder, env=self.environment, stderr=subprocess.PIPE, text=True
        ) as process:
            assert process.stderr is not None
            seen: list[str] = []
            try:
                for text in process.stderr:
                    seen.append(text)
                    if READY in text:
                        break
                else:
                    raise AssertionError(f"{words} never served: {''.join(seen)}")
                yield
            finally:
                process.terminate()
                process.communicate(timeout=30)
        assert process.returncode == 0

    def said(self, *starts: str) -> str:
        """Return what the last command that begins with one of these printed."""
        return [text for line, text in self.output.items() if line.startswith(starts)][-1]


@pytest.mark.timeout(400)
def test_the_quick_start_works_on_one_file(tmp_path: Path) -> None:
    text = QUICK_START.read_text().partition(SERVERS)[0]

    with Reader(tmp_path) as reader:
        reader.follow(text)

    assert reader.output["leveret describe Order order-1"].count("running")
    assert "signal accepted channel=addresses" in reader.said("leveret history")
    assert '"order-2"' in reader.said("leveret list Order --json")
    assert reader.said("python calls.py").splitlines()[:3] == ["running", *["order-3 goes to Side Street 2"] * 2]
    assert "order-5 goes to Third Street 3" in reader.said("python blocking.py")
    assert "services.Shop.retry.attempts" in reader.said("leveret config check")
    assert "order-6" in reader.said("leveret list")
    results = [text for line, text in reader.output.items() if line.endswith("--wait")]
    assert results == ['"order-1 goes to Main Street 1"\n']


@pytest.mark.timeout(400)
def test_the_quick_start_works_on_rabbitmq_and_redis(
    tmp_path: Path, rabbit: RabbitServer, redis_server: RedisServer, namespace: str
) -> None:
    before, _, text = QUICK_START.read_text().partition(SERVERS)

    with Reader(tmp_path, url=f"{rabbit.url}?store={redis_server.url}&ns={namespace}") as reader:
        for kind, content in blocks(before):
            if kind == "toml" or content.startswith("# orders.py"):
                reader.write(content)
        reader.follow(text)

    assert "RabbitMQ" in reader.said("leveret doctor")
    assert reader.said("leveret start") == '"order-7 goes to Fifth Street 5"\n'


def test_links_between_the_pages_lead_somewhere() -> None:
    for page in (ROOT / "README.md", ROOT / "compose/README.md", *(ROOT / "docs").glob("*.md")):
        text = re.sub(r"```.*?```|`[^`\n]*`", "", page.read_text(), flags=re.DOTALL)
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_the_configuration_of_the_containers_is_accepted() -> None:
    command = [sys.executable, "-m", "leveret_actors.cli", "config", "check", "-c", "compose/leveret.toml"]

    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30, check=False)

    assert done.returncode == 0, done.stderr
    assert "examples.booking.services:Payments" in done.stdout
