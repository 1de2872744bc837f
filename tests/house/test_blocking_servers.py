"""The Flask and Django applications of the page on existing applications, in processes that gunicorn forks."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.house.test_pages import ROOT, blocks, write_files
from tests.servers import free_port

PAGE = "existing-applications"
SECONDS = 30.0
NODE = """
import asyncio
from leveret_actors import Node
from shop import Order, Post

asyncio.run(Node(workflows=[Order], services=[Post()]).run())
"""
PATHS = os.pathsep.join(str(ROOT / part) for part in ("broker", "sdk", "actors"))


@contextmanager
def serving(folder: Path, *arguments: str) -> Generator[None]:
    """Run Python in a folder; at the end it must stop when it is asked to, without an error."""
    environment = os.environ | {"PYTHONPATH": PATHS, "LEVERET_URL": f"sqlite:///{folder}/shop.db"}
    process = subprocess.Popen([sys.executable, *arguments], cwd=folder, env=environment)
    try:
        yield
        process.terminate()
        assert process.wait(SECONDS) == 0
    finally:
        process.kill()
        process.wait()


def asked(http: httpx.Client, method: str, path: str) -> httpx.Response:
    """Ask until there is a process that answers: each takes one request only."""
    until = time.monotonic() + SECONDS
    while True:
        try:
            return http.request(method, path)
        except httpx.TransportError:
            assert time.monotonic() < until, "nobody answers"
            time.sleep(0.02)


@pytest.mark.slow
@pytest.mark.parametrize("application", ["flask_shop", "django_shop"])
def test_each_process_that_gunicorn_forks_has_a_connection_of_its_own(application: str, tmp_path: Path) -> None:
    (line,) = re.findall(r"^gunicorn .*$", "".join(blocks("sh", (ROOT / f"docs/{PAGE}.md").read_text())), re.MULTILINE)
    port = free_port()
    gunicorn = shlex.split(line.replace("flask_shop", application))
    further = ("--bind", f"127.0.0.1:{port}", "--max-requests", "1", "--log-level", "warning")
    write_files(PAGE, tmp_path)
    (tmp_path / "node.py").write_text(NODE)

    with (
        serving(tmp_path, "node.py"),
        serving(tmp_path, "-m", *gunicorn, *further),
        httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=SECONDS) as http,
    ):
        placed = [asked(http, "POST", f"/orders/{order}/{order}00") for order in (7, 8)]
        owed = [asked(http, "GET", f"/orders/{order}").json() for order in (7, 8)]

    assert [answer.status_code for answer in placed] == [202, 202]
    assert [answer.json() for answer in placed] == [{"order": "7"}, {"order": "8"}]
    assert owed == [{"owes": 700}, {"owes": 800}]
