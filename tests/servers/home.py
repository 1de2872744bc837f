"""The folder of one private server and the processes that live in it."""

import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

# Ends what is left when the process that holds the other end of its input is gone, even by kill -9.
_GUARD = 'read _; for group in $(cat "$1/groups"); do kill -s KILL -- "-$group"; done; sleep 0.2; rm -rf "$1"'


class ServerFailed(RuntimeError):
    """Raised when a server did not come up in time; carries the end of its log."""


def free_port() -> int:
    """A port that nobody listens on, below those the kernel gives to outgoing connections.

    So nobody takes it by chance while the server that owns it is down between kill and restart.
    """
    for _ in range(1000):
        port = random.randrange(11_000, 32_000)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise ServerFailed("no free port found")


def wait_until(true: Callable[[], bool], seconds: float, what: str) -> None:
    """Ask every 20 ms until the answer is yes."""
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            raise ServerFailed(f"not after {seconds:g} s: {what}")
        time.sleep(0.02)


class Home:
    """A temporary folder with a guard that ends its processes and removes it when this process dies."""

    def __init__(self, kind: str) -> None:
        self.path = Path(tempfile.mkdtemp(prefix=f"leveret-{kind}-"))
        self._running: list[Child] = []
        self._list_groups()
        self._guard = subprocess.Popen(
            ["sh", "-c", _GUARD, "guard", str(self.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def spawn(self, name: str, command: Iterable[str | Path], env: Mapping[str, str] | None = None) -> "Child":
        """Start a process in a group of its own; its output is appended to `<name>.log`."""
        log = self.path / f"{name}.log"
        with log.open("ab") as out:
            process = subprocess.Popen(
                [str(part) for part in command],
                cwd=self.path,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        child = Child(self, process, log)
        self._running.append(child)
        self._list_groups()
        return child

    def forget(self, child: "Child") -> None:
        """Called by a child that has ended: its number may now belong to somebody else."""
        if child in self._running:
            self._running.remove(child)
            self._list_groups()

    def close(self) -> None:
        """End everything and remove the folder. Harmless when repeated."""
        for child in [*self._running]:
            child.kill()
        if self._guard.stdin is not None and not self._guard.stdin.closed:
            self._guard.stdin.close()
        self._guard.wait()
        shutil.rmtree(self.path, ignore_errors=True)

    def _list_groups(self) -> None:
        if self.path.exists():
            (self.path / "groups").write_text(" ".join(str(child.pid) for child in self._running))


class Child:
    """One process of a home, leader of its group."""

    def __init__(self, home: Home, process: subprocess.Popen[bytes], log: Path) -> None:
        self._home = home
        self._process = process
        self._log = log

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def wait_until(self, ready: Callable[[], bool], seconds: float, what: str) -> None:
        """Wait for readiness; an early end is told at once, with the end of the log."""
        try:
            wait_until(lambda: not self.alive or ready(), seconds, what)
        except ServerFailed as error:
            raise ServerFailed(f"{error}\n{self.tail()}") from None
        if not self.alive:
            raise ServerFailed(f"ended with {self._process.returncode} before: {what}\n{self.tail()}")

    def stop(self, seconds: float) -> None:
        """Ask it to end; kill it when it does not."""
        if self.alive:
            self._process.terminate()
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
        self._home.forget(self)

    def kill(self) -> None:
        """Kill the whole group with signal 9."""
        if self.alive:
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()
        self._home.forget(self)

    def pause(self) -> None:
        """Freeze it: it lives, keeps its connections, and answers nothing."""
        os.killpg(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on after a pause."""
        os.killpg(self.pid, signal.SIGCONT)

    def tail(self) -> str:
        """The last lines of its output."""
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-30:])
