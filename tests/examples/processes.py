"""Applications in processes of their own, as their pages say to start them."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from tests.conformance.house import DEADLINE, House

ROOT = Path(__file__).parents[2]


@asynccontextmanager
async def running(house: House, *arguments: str, **variables: str) -> AsyncGenerator[asyncio.subprocess.Process]:
    """Run `python -m` with a module; at the end it must stop when it is asked to, without an error."""
    environment = {**os.environ, **variables, "LEVERET_URL": house.url, "PYTHONWARNINGS": "default"}
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", *arguments, cwd=ROOT, env=environment)
    try:
        yield process
        process.terminate()
        async with asyncio.timeout(DEADLINE):
            assert await process.wait() in {0, -signal.SIGTERM}
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def output(*command: str | Path, cwd: Path = ROOT, where: Mapping[str, str] | None = None) -> str:
    """Run a command to its end, which must be a good one, with further variables, and return what it printed."""
    process = await asyncio.create_subprocess_exec(
        *command, cwd=cwd, env={**os.environ, **(where or {})},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        async with asyncio.timeout(2 * DEADLINE):
            out, errors = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, errors.decode()
    return out.decode()
