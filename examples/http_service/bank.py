"""A bank with an HTTP API, and with bad days: a server of the standard library, in threads of its own."""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Iterable, Mapping
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

FUNDS = 100_000
"""Cents above which a charge is declined."""


class Bank:
    """Charges once for each `Idempotency-Key`; use it as `with Bank(["fail", "stall", "limit"]) as bank:`.

    Each of the `moods` is what happens to one request: `fail` is a 500, `limit` a 429 with `Retry-After`, `stall`
    charges and does not answer until the bank closes. After them everything works.
    """

    def __init__(self, moods: Iterable[str] = (), retry_after: str = "0.1") -> None:
        """Listen on a free port of this machine."""
        self.moods = deque(moods)
        self.retry_after = retry_after
        self.requests: list[str] = []
        """The key of each request, in their order."""
        self.charges: dict[str, int] = {}
        """Cents by key."""
        self.closing = threading.Event()
        bank = self

        class Counter(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                status, answer, headers = bank.serve(self.headers["Idempotency-Key"], asked)
                body = json.dumps(answer).encode()
                self.send_response(status)
                for name, value in {"Content-Length": str(len(body)), **headers}.items():
                    self.send_header(name, value)
                with suppress(ConnectionError):  # who waited for too long has hung up
                    self.end_headers()
                    self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as the base class says it
                """Print nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Counter)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()

    def serve(self, key: str, asked: Mapping[str, Any]) -> tuple[int, dict[str, str], dict[str, str]]:
        """Return status, answer and headers of one request."""
        self.requests.append(key)
        mood = self.moods.popleft() if self.moods else "good"
        if mood == "fail":
            return 500, {"reason": "a fuse blew"}, {}
        if mood == "limit":
            return 429, {"reason": "too many requests"}, {"Retry-After": self.retry_after}
        if asked["cents"] > FUNDS:
            return 402, {"reason": "insufficient funds"}, {}
        self.charges.setdefault(key, asked["cents"])
        if mood == "stall":
            self.closing.wait()
        return 201, {"receipt": f"receipt {list(self.charges).index(key) + 1}"}, {}
