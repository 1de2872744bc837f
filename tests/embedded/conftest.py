"""A database file, this process's transport to it, and child processes around it."""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from leveret_broker.embedded.database import Database
from leveret_broker.embedded.sqlite import SqliteTransport
from tests.embedded.child import NAMESPACE

SECONDS = 30.0
ROOT = Path(__file__).parents[2]


class Child:
    """A process to kill."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    async def line(self) -> str:
        assert self.process.stdout is not None
        async with asyncio.timeout(SECONDS):
            return (await self.process.stdout.readline()).decode().strip()

    async def until(self, text: str) -> None:
        while (line := await self.line()) != text:
            assert line, f"the child ended before it said {text!r}"

    async def rest(self) -> list[str]:
        assert self.process.stdout is not None
        async with asyncio.timeout(SECONDS):
            return (await self.process.stdout.read()).decode().split("\n")[:-1]

    def go(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(b"go\n")

    async def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        await self.process.communicate()


Spawn = Callable[..., Awaitable[Child]]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "leveret.db"


@pytest.fixture
async def database(path: Path) -> Database:
    return Database(path)


@pytest.fixture
async def transport(database: Database) -> AsyncIterator[SqliteTransport]:
    transport = SqliteTransport(database, NAMESPACE)
    await transport.open(SECONDS)
    yield transport
    await transport.close()


@pytest.fixture
async def spawn(path: Path) -> AsyncIterator[Spawn]:
    """Starts a child by what it shall do."""
    children: list[Child] = []

    async def start(what: str, *args: str) -> Child:
        command = [sys.executable, "-m", "tests.embedded.child", what, str(path), *args]
        pipe = asyncio.subprocess.PIPE
        child = Child(await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, cwd=ROOT))
        children.append(child)
        return child

    yield start
    for child in children:
        await child.kill()
