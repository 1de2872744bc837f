"""A private Redis server."""

import contextlib
import socket
import subprocess
from collections.abc import Mapping
from types import TracebackType
from typing import Self

from tests.servers.binaries import find
from tests.servers.home import Child, Home, free_port


class RedisServer:
    """A Redis with its own folder and loopback port, configured as leveret asks for: every write is synced.

    `options` are settings by their names in redis.conf and override the ones here. Data survives `stop`, `kill` and
    `start`; `close` ends everything.
    """

    def __init__(self, options: Mapping[str, str] | None = None) -> None:
        self.port = free_port()
        self._home = Home("redis")
        self._server: Child | None = None
        self._options = {
            "bind": "127.0.0.1",
            "port": str(self.port),
            "dir": str(self._home.path),
            "appendonly": "yes",
            "appendfsync": "always",
            "maxmemory-policy": "noeviction",
            "save": "",
            **(options or {}),
        }

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    @property
    def running(self) -> bool:
        return self._server is not None and self._server.alive

    def start(self, seconds: float = 30) -> Self:
        """Start the server and wait until it answers, its data loaded. Nothing happens when it runs already."""
        if self.running:
            return self
        arguments = [part for key, value in self._options.items() for part in (f"--{key}", value)]
        self._server = self._home.spawn("redis", [find("redis-server"), *arguments])
        self._server.wait_until(self._answers, seconds, f"Redis answers on port {self.port}")
        return self

    def stop(self, seconds: float = 15) -> None:
        """End the server gracefully."""
        if self._server is not None:
            self._server.stop(seconds)

    def kill(self) -> None:
        """End the server with signal 9."""
        if self._server is not None:
            self._server.kill()

    def restart(self) -> None:
        """Stop gracefully and start again on the same port with the same data."""
        self.stop()
        self.start()

    def pause(self) -> None:
        """Freeze the server: connections stay, nothing is answered, until `resume`."""
        if self._server is not None:
            self._server.pause()

    def resume(self) -> None:
        """Let a paused server go on."""
        if self._server is not None:
            self._server.resume()

    def cli(self, *arguments: str, seconds: float = 30) -> str:
        """Run redis-cli against the server and return its output."""
        command = [find("redis-cli"), "-h", "127.0.0.1", "-p", str(self.port), *arguments]
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=seconds)
        if done.returncode != 0:
            raise RuntimeError(f"redis-cli {' '.join(arguments)} failed:\n{done.stdout}{done.stderr}")
        return done.stdout

    def close(self) -> None:
        """End the server and remove its folder."""
        self._home.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _answers(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(16).startswith(b"+PONG")
        return False
