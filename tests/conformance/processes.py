"""Other processes that call what this one hosts."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

from tests.conformance.poison import VARIABLE

ROOT = Path(__file__).parents[2]


async def run_caller(*arguments: str) -> Any:
    """Run `caller` in a process of its own and return what it printed."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.conformance.caller", *arguments,
        stdout=asyncio.subprocess.PIPE, cwd=ROOT,
    )  # fmt: skip
    printed, _ = await process.communicate()
    assert process.returncode == 0
    return json.loads(printed)


async def replay_elsewhere(journals: Path, seed: str) -> None:
    """Replay the journals in a file in a process with another hash seed."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.conformance.replayer", str(journals), seed,
        cwd=ROOT, env={**os.environ, "PYTHONHASHSEED": seed},
    )  # fmt: skip
    assert await process.wait() == 0


async def start_host(what: str, url: str, way: str = "1") -> asyncio.subprocess.Process:
    """Run `host` in a process of its own; `way` says how what kills it does."""
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.conformance.host", what, url, cwd=ROOT, env={**os.environ, VARIABLE: way}
    )


async def hosting(what: str, url: str) -> bool:
    """Run `host` in a process of its own; tell whether it died before everything was decided."""
    process = await start_host(what, url)
    code = await process.wait()
    assert code in {0, 9}
    return code == 9
