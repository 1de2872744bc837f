"""A house to test in: broker, store, a namespace nobody else uses, and node processes."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.servers.home import Child, Home

ROOT = Path(__file__).parents[2]
PATHS = [str(ROOT / folder) for folder in ("broker", "sdk", "actors", ".")]
LEDGER = "LEVERET_TEST_LEDGER"
"""The environment variable that names the file in which services note what they did."""
PATIENCE = 40.0
"""Seconds after which what has not happened will not; two busy cores need a tenth of it."""


async def until(
    true: Callable[[], bool | Awaitable[bool]], what: str, seconds: float = PATIENCE, *, every: float = 0.02
) -> None:
    """Ask `every` so many seconds until the answer is yes; `what` is said when it never is."""
    deadline = time.monotonic() + seconds
    while True:
        answer = true()
        if not isinstance(answer, bool):
            answer = await answer
        if answer:
            return
        if time.monotonic() > deadline:
            raise AssertionError(f"not after {seconds:g} s: {what}")
        await asyncio.sleep(every)


class Process:
    """A process that runs Python, with a log."""

    def __init__(self, home: Home, name: str, arguments: Iterable[str], environment: dict[str, str]) -> None:
        inherited = {key: value for key, value in os.environ.items() if not key.startswith("LEVERET_")}
        env = {**inherited, "PYTHONPATH": os.pathsep.join(PATHS), **environment}
        self._log = home.path / f"{name}.log"
        self._child: Child = home.spawn(name, [sys.executable, *arguments], env)

    @property
    def pid(self) -> int:
        return self._child.pid

    @property
    def code(self) -> int | None:
        """The exit code, negative for a signal; None while it runs."""
        return self._child._process.poll()

    @property
    def log(self) -> str:
        return self._log.read_text(errors="replace")

    async def says(self, text: str, seconds: float = PATIENCE) -> None:
        """Wait until its log holds `text`."""

        def said() -> bool:
            if text in self.log:
                return True
            if self.code is not None:
                raise AssertionError(f"ended with {self.code} before it said {text!r}:\n{self.log}")
            return False

        await until(said, f"the process says {text!r}; it said:\n{self.log}", seconds)

    async def ended(self, seconds: float = PATIENCE) -> int:
        """Wait for the end and return the exit code."""
        await until(lambda: self.code is not None, f"process {self.pid} ends", seconds)
        code = self.code
        assert code is not None
        return code

    async def kill(self) -> None:
        """End it with signal 9."""
        os.kill(self.pid, signal.SIGKILL)
        await self.ended()

    async def stop(self) -> int:
        """End it with SIGTERM and return the exit code."""
        os.kill(self.pid, signal.SIGTERM)
        return await self.ended()


class House:
    """One namespace and the nodes in it. Nothing survives `with`, whatever happens to the test."""

    def __init__(self, url: str) -> None:
        """Use what `url` names; a URL of SQLite may hold `{folder}`."""
        self._home = Home("nodes")
        self.folder = self._home.path
        self.url = url.replace("{folder}", str(self.folder))
        self.nodes: list[Process] = []

    def node(self, *hosted: str, fault: str = "", url: str | None = None) -> Process:
        """Start a node without waiting for it; `hosted` are modules of this folder, or `module:Class`."""
        names = hosted or ("shop",)
        arguments = ["-m", "tests.endtoend.node_process", url or self.url, *names]
        environment = {LEDGER: str(self.folder / "ledger"), "LEVERET_FAULT": fault}
        node = Process(self._home, f"node-{len(self.nodes)}", arguments, environment)
        self.nodes.append(node)
        return node

    async def serving(self, *hosted: str, fault: str = "") -> Process:
        """Start a node and wait until it serves."""
        node = self.node(*hosted, fault=fault)
        await node.says(" serves ")
        return node

    def command(self, *arguments: str) -> Process:
        """Start the command line."""
        return self.python("-m", "leveret_actors.cli", *arguments)

    def python(self, *arguments: str) -> Process:
        """Start Python."""
        process = Process(self._home, f"python-{len(self.nodes)}", arguments, {})
        self.nodes.append(process)
        return process

    def open_gate(self) -> None:
        """Let tasks go on that wait at the gate."""
        (self.folder / "gate").touch()

    def effects(self, task: str) -> Counter[str]:
        """Return how often services noted `task`, by instance."""
        ledger = self.folder / "ledger"
        lines = ledger.read_text().splitlines() if ledger.exists() else []
        return Counter(instance for name, instance in (line.split(" ", 1) for line in lines) if name == task)

    def losses(self) -> list[str]:
        """Return what the nodes said of connections and subscriptions that they lost."""
        lines = [line for node in self.nodes for line in node.log.splitlines()]
        return [line for line in lines if "Lost the" in line or "is lost" in line]

    def logs(self) -> str:
        """Return the ends of all logs."""
        return "\n".join(f"--- node {number}\n{node.log[-5000:]}" for number, node in enumerate(self.nodes))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if error is not None or "PYTEST_CURRENT_TEST" in os.environ:  # pytest shows it when the test has failed
            print(self.logs())
        self._home.close()
