"""The command line as a user has it: a working directory of its own, no settings from outside."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from loguru import logger
from typer.testing import CliRunner

from leveret_actors.cli.app import app
from leveret_actors.node import Node
from tests.cli.shop import Order, Warehouse

ROOT = Path(__file__).parents[2]
PATIENCE = 60.0
"""Seconds after which a command that has not said it will not."""
PATHS = [str(ROOT / folder) for folder in ("broker", "sdk", "actors", ".")]


@dataclass(frozen=True)
class Ran:
    """What a command did."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[Path]:
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("LEVERET_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(PATHS))
    path = list(sys.path)
    yield tmp_path
    sys.path[:] = path
    logger.remove()
    os.environ.pop("LEVERET_DEBUG", None)


def leveret(*arguments: str) -> Ran:
    """Run a command in this process; errors that are not leveret's come through."""
    result = CliRunner().invoke(app, arguments, catch_exceptions=False)
    return Ran(result.exit_code, result.stdout, result.stderr)


async def leveret_beside(*arguments: str) -> Ran:
    """Run a command while this event loop, which hosts a node, goes on."""
    return await asyncio.to_thread(leveret, *arguments)


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "leveret_actors.cli", *arguments]


def process(*arguments: str) -> Ran:
    """Run a command as a process of its own."""
    done = subprocess.run(command(*arguments), capture_output=True, text=True, timeout=60, check=False)
    return Ran(done.returncode, done.stdout, done.stderr)


@contextmanager
def serving(arguments: Sequence[str], ready: str) -> Generator[subprocess.Popen[str]]:
    """Run a command in the background, from the moment it has written `ready` to standard error."""
    with subprocess.Popen(command(*arguments), stderr=subprocess.PIPE, text=True) as child:
        try:
            read_until(child, ready)
            yield child
        finally:
            child.terminate()
            child.communicate(timeout=30)


def read_until(child: subprocess.Popen[str], wanted: str) -> str:
    """Return the line that holds `wanted`; after a minute the command is killed, and what it said is told."""
    assert child.stderr is not None
    seen: list[str] = []
    giving_up = threading.Timer(PATIENCE, child.kill)
    giving_up.start()
    try:
        for line in child.stderr:
            seen.append(line)
            if wanted in line:
                return line
    finally:
        giving_up.cancel()
    raise AssertionError(f"{wanted!r} never came: {''.join(seen)}")


@asynccontextmanager
async def node(url: str = "sqlite:///shop.db") -> AsyncGenerator[Node]:
    async with Node(url, workflows=[Order], services=[Warehouse()], name="here") as running:
        yield running
