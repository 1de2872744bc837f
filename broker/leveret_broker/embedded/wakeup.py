"""Waking who waits for rows: directly within a process, by a datagram between processes.

A datagram may be lost (full buffers, a process that starts just now), so whoever waits also looks by itself every
`POLL_SECONDS`.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from leveret_broker.errors import ConfigurationError
from leveret_broker.ids import new_id

POLL_SECONDS: Final = 0.5
"""How often a waiter looks by itself."""
TICK_SECONDS: Final = 1.0
"""How often a process looks for the remains of others."""
_LONGEST_PATH: Final = 100
"""The kernel takes socket paths of 107 bytes."""
_LONGEST_DATAGRAM: Final = 4096
_EVERYBODY: Final = b"*"


class Bell:
    """What one waiter of one event loop listens to; rung from any thread."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._event = asyncio.Event()
        self._rung = False

    def ring(self) -> None:
        """Wake the waiter, or spare it its next wait."""
        if not self._rung:
            self._rung = True
            with contextlib.suppress(RuntimeError):  # its loop is closed
                self._loop.call_soon_threadsafe(self._event.set)

    def clear(self) -> None:
        """Forget earlier rings: call it before looking."""
        self._rung = False
        self._event.clear()

    async def wait(self, seconds: float) -> None:
        """Wait for a ring, for at most so long."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._event.wait()


class Wakeups:
    """One process's ear and mouth: a datagram socket in a folder that all processes of the database share."""

    def __init__(self, folder: Path, tick: Callable[[], object]) -> None:
        self._folder = _usable(folder)
        self._name = f"{os.getpid()}-{new_id()[:8]}"
        self._tick = tick
        self._bells: dict[str, set[Bell]] = {}
        self._guard = threading.Lock()
        self._others: tuple[str, ...] = ()
        self._listed = -1
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(self._folder / self._name))
        self._socket.settimeout(TICK_SECONDS)
        self._mouth = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._mouth.setblocking(False)
        self._ended = False
        self._thread = threading.Thread(target=self._listen, name="leveret-wakeups", daemon=True)
        self._thread.start()

    def add(self, topic: str, bell: Bell) -> None:
        """Ring this bell for a topic."""
        with self._guard:
            self._bells.setdefault(topic, set()).add(bell)

    def remove(self, topic: str, bell: Bell) -> None:
        """Stop ringing it."""
        with self._guard:
            bells = self._bells.get(topic)
            if bells is not None:
                bells.discard(bell)
                if not bells:
                    del self._bells[topic]

    def notify(self, topics: Iterable[str]) -> None:
        """Ring the bells of these topics, here and in the other processes; from any thread."""
        names = tuple(topics)
        if not names:
            return
        self._ring(names)
        data = "\n".join(names).encode()
        self._send(data if len(data) <= _LONGEST_DATAGRAM else _EVERYBODY)

    def close(self) -> None:
        """Stop, and take the socket away."""
        self._ended = True
        with contextlib.suppress(OSError):
            self._mouth.sendto(b"", str(self._folder / self._name))
        self._thread.join()
        self._socket.close()
        self._mouth.close()
        (self._folder / self._name).unlink(missing_ok=True)

    def _ring(self, topics: Iterable[str]) -> None:
        with self._guard:
            bells = [bell for topic in topics for bell in self._bells.get(topic, ())]
        for bell in bells:
            bell.ring()

    def _send(self, data: bytes) -> None:
        with contextlib.suppress(OSError):
            listed = self._folder.stat().st_mtime_ns
            if listed != self._listed:
                self._others = tuple(str(path) for path in self._folder.iterdir() if path.name != self._name)
                self._listed = listed
        for path in self._others:
            try:
                self._mouth.sendto(data, path)
            except ConnectionRefusedError:  # its process is gone without a goodbye
                Path(path).unlink(missing_ok=True)
            except OSError:  # full, or just gone: polling stands behind this
                continue

    def _listen(self) -> None:
        next_tick = time.monotonic() + TICK_SECONDS
        while not self._ended:
            if time.monotonic() >= next_tick:
                next_tick = time.monotonic() + TICK_SECONDS
                self._tick()
            try:
                data = self._socket.recv(_LONGEST_DATAGRAM)
            except TimeoutError:
                continue
            except OSError:
                return
            if data == _EVERYBODY:
                with self._guard:
                    topics = tuple(self._bells)
                self._ring(topics)
            elif data:
                self._ring(data.decode(errors="replace").split("\n"))


def _usable(folder: Path) -> Path:
    """Return the folder, or a short one that all processes find as well, where its path is too long for a socket."""
    if len(os.fsencode(folder / "4194304-12345678")) > _LONGEST_PATH:
        digest = hashlib.blake2b(os.fsencode(folder), digest_size=8).hexdigest()
        folder = Path(tempfile.gettempdir()) / f"leveret-{os.getuid()}-{digest}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if len(os.fsencode(folder / "4194304-12345678")) > _LONGEST_PATH:
        raise ConfigurationError(f"{folder} is too long a path for a socket: set TMPDIR to a shorter one")
    if folder.stat().st_uid != os.getuid() and not os.access(folder, os.W_OK):
        raise ConfigurationError(f"{folder} belongs to somebody else: run as the same user, or set TMPDIR")
    return folder
