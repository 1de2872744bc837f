"""A private RabbitMQ node."""

import contextlib
import itertools
import os
import secrets
import socket
import subprocess
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.servers.binaries import find
from tests.servers.home import Child, Home, free_port

_PROTOCOL_HEADER = b"AMQP\x00\x00\x09\x01"
_METHOD_FRAME = b"\x01"
_numbers = itertools.count(1)

# RabbitMQ writes the name of a new quorum queue to its table up to half a second late. Killed before, a lone node comes
# back with that queue empty and without a leader: whoever uses it waits for ever (seen on 3.10.8; rabbitmq-server issue
# 10070 looks the same). The first makes the table safe, the second gives such queues a leader, so that nothing hangs.
_SYNC = "[ok = dets:sync(Table) || Table <- dets:all()]."
_ELECT = """
    Names = [N || Q <- rabbit_amqqueue:list(), {N, _} <- [amqqueue:get_pid(Q)]],
    Lost = [N || N <- [rabbit_stream_coordinator | Names], whereis(N) =/= undefined,
                 ra_leaderboard:lookup_leader(N) =:= undefined],
    [ra:trigger_election({N, node()}) || N <- Lost], Lost.
"""


class RabbitServer:
    """A RabbitMQ node with its own folder, name, cookie, name server (epmd) and loopback ports, and no plugin.

    `config` are further lines of rabbitmq.conf, `advanced` settings of the application `rabbit` as Erlang terms.
    Data survives `stop`, `kill` and `start`; `close` ends everything.
    """

    def __init__(self, config: Mapping[str, str] | None = None, advanced: Mapping[str, str] | None = None) -> None:
        self.port = free_port()
        self.node = f"leveret-{os.getpid()}-{next(_numbers)}@localhost"
        self._config = dict(config or {})
        self._advanced = dict(advanced or {})
        self._home = Home("rabbit")
        self._epmd_port = free_port()
        self._epmd: Child | None = None
        self._server: Child | None = None
        self._started_before = False
        self._env = self._write_folder(self._home.path)

    @property
    def url(self) -> str:
        return f"amqp://guest:guest@127.0.0.1:{self.port}/"

    @property
    def running(self) -> bool:
        return self._server is not None and self._server.alive

    def start(self, seconds: float = 60) -> Self:
        """Start the node and wait until it greets AMQP clients, and its queues have leaders when it comes back.

        Nothing happens when it runs already.
        """
        if self.running:
            return self
        self._start_epmd()
        self._server = self._home.spawn("rabbit", [find("rabbitmq-server")], self._env)
        self._server.wait_until(self._greets, seconds, f"RabbitMQ greets on port {self.port}")
        if self._started_before:
            self.ctl("eval", _ELECT)
        self._started_before = True
        return self

    def stop(self, seconds: float = 30) -> None:
        """End the node gracefully."""
        if self._server is not None:
            self._server.stop(seconds)

    def settle(self) -> None:
        """Make sure that the queues declared so far survive `kill`; see above. Messages need no such help."""
        self.ctl("eval", _SYNC)

    def kill(self) -> None:
        """End the node with signal 9. Quorum queues younger than half a second come back empty: `settle` before."""
        if self._server is not None:
            self._server.kill()

    def restart(self) -> None:
        """Stop gracefully and start again on the same port with the same data."""
        self.stop()
        self.start()

    def pause(self) -> None:
        """Freeze the node: connections stay, nothing is answered, until `resume`."""
        if self._server is not None:
            self._server.pause()

    def resume(self) -> None:
        """Let a paused node go on."""
        if self._server is not None:
            self._server.resume()

    def ctl(self, *arguments: str, seconds: float = 60) -> str:
        """Run rabbitmqctl against the node and return its output; takes about a second."""
        command = [find("rabbitmqctl"), "--quiet", "--node", self.node, *arguments]
        done = subprocess.run(
            command, env=self._env, check=False, capture_output=True, text=True, timeout=seconds, cwd=self._home.path
        )
        if done.returncode != 0:
            raise RuntimeError(f"rabbitmqctl {' '.join(arguments)} failed:\n{done.stdout}{done.stderr}")
        return done.stdout

    def close(self) -> None:
        """End the node and its epmd, and remove the folder."""
        self._home.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _start_epmd(self) -> None:
        if self._epmd is None or not self._epmd.alive:
            command = [find("epmd"), "-port", str(self._epmd_port), "-address", "127.0.0.1"]
            self._epmd = self._home.spawn("epmd", command, self._env)
            self._epmd.wait_until(self._epmd_listens, 10, f"epmd listens on port {self._epmd_port}")

    def _epmd_listens(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self._epmd_port), 1):
            return True
        return False

    def _greets(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1) as connection:
            connection.sendall(_PROTOCOL_HEADER)
            return connection.recv(1) == _METHOD_FRAME
        return False

    def _write_folder(self, folder: Path) -> dict[str, str]:
        """Write the configuration, and return the environment that makes the scripts use it and nothing else."""
        config = {
            "listeners.tcp.1": f"127.0.0.1:{self.port}",
            "log.file.level": "info",
            "disk_free_limit.absolute": "10MB",
            **self._config,
        }
        (folder / "rabbitmq.conf").write_text("".join(f"{key} = {value}\n" for key, value in config.items()))
        (folder / "rabbitmq-env.conf").touch()
        if self._advanced:
            terms = ", ".join(f"{{{key}, {value}}}" for key, value in self._advanced.items())
            (folder / "advanced.config").write_text(f"[{{rabbit, [{terms}]}}].\n")
        (folder / "enabled_plugins").write_text("[].\n")
        cookie = folder / ".erlang.cookie"
        cookie.write_text(secrets.token_hex(10).upper())
        cookie.chmod(0o400)
        inherited = {key: value for key, value in os.environ.items() if not key.startswith(("RABBITMQ_", "ERL_"))}
        inherited.pop("NOTIFY_SOCKET", None)
        return {
            **inherited,
            "HOME": str(folder),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_EPMD_PORT": str(self._epmd_port),
            "ERL_CRASH_DUMP_SECONDS": "0",
            "RABBITMQ_NODENAME": self.node,
            "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_CONF_ENV_FILE": str(folder / "rabbitmq-env.conf"),
            "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(folder / "advanced.config"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
            "RABBITMQ_MNESIA_BASE": str(folder / "data"),
            "RABBITMQ_LOG_BASE": str(folder / "log"),
            "RABBITMQ_PID_FILE": str(folder / "rabbit.pid"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-start_epmd false -kernel inet_dist_use_interface {127,0,0,1}",
            "RUNNING_UNDER_SYSTEMD": "true",  # the script becomes the server: the pid we hold is the one to kill
        }
