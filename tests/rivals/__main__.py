"""Run all of them one after another on one RabbitMQ and one Redis, and print a table."""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from rich.console import Console
from rich.table import Table

from tests.servers import RabbitServer, RedisServer

ROOT: Final = Path(__file__).parents[2]
PATIENCE: Final = 300.0
"""Seconds that one of them may take for all of its tasks."""


class Rival(NamedTuple):
    """What is measured."""

    name: str
    queue: str
    how: str
    send: list[str]
    work: list[str]


def rivals(python: str, tasks: int, slots: int) -> list[Rival]:
    """Return what to compare; each runs in one process, with as many slots and as large a prefetch."""
    quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat", "-l", "ERROR"]
    worker = ["worker", "-P", "threads", "-c", f"{slots}", *quiet]
    celery = [python, "-m", "celery", "-A", "tests.rivals.celery_tasks", *worker]
    send = [python, "-m", "tests.rivals.celery_tasks", f"{tasks}"]
    dramatiq = [python, "-m", "dramatiq", "tests.rivals.dramatiq_tasks", "-p", "1", "-t", f"{slots}"]
    ours = [sys.executable, "-m", "tests.rivals.leveret_tasks"]
    return [
        Rival(
            "leveret", "quorum", "event loop, outcome confirmed by a quorum queue before the acknowledgement",
            [*ours, "send", f"{tasks}"], [*ours, "work", f"{slots}"],
        ),
        Rival("Celery", "quorum", "threads, acks late, result in Redis", send, celery),
        Rival("Celery", "classic", "threads, acks late, result in Redis", send, celery),
        Rival(
            "dramatiq", "classic", "threads, result in Redis",
            [python, "-m", "tests.rivals.dramatiq_tasks", f"{tasks}"], dramatiq,
        ),
    ]  # fmt: skip


@contextmanager
def _working(command: list[str], environment: dict[str, str]) -> Generator[None]:
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def measure(rival: Rival, environment: dict[str, str]) -> float:
    """Send all tasks, then run a worker until it has run them; return tasks per second from the first to the last."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "rate"
        surroundings = environment | {"METER_FILE": str(file), "QUEUE_TYPE": rival.queue}
        subprocess.run(rival.send, cwd=ROOT, env=surroundings, check=True)
        with _working(rival.work, surroundings):
            until = time.monotonic() + PATIENCE
            while not file.exists():
                if time.monotonic() > until:
                    raise TimeoutError(f"{rival.name} did not run all of its tasks in {PATIENCE:.0f} s")
                time.sleep(0.05)
        return float(file.read_text())


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", required=True, help="a Python that has Celery and dramatiq")
    parser.add_argument("--tasks", type=int, default=5000)
    parser.add_argument("--slots", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=3)
    told = parser.parse_args()
    found = Table("", "queue", "tasks/s, median", "all", "how", title=f"{told.tasks} empty tasks, {told.slots} slots")
    for rival in rivals(told.python, told.tasks, told.slots):
        rates: list[float] = []
        for _ in range(told.rounds):
            with RabbitServer() as rabbit, RedisServer() as redis:
                environment = os.environ | {
                    "BROKER": rabbit.url,
                    "STORE": redis.url,
                    "LEVERET_URL": f"{rabbit.url}?store={redis.url}&ns=rival",
                    "METER_TASKS": f"{told.tasks}",
                    "dramatiq_queue_prefetch": f"{told.slots}",
                }
                rates.append(measure(rival, environment))
        each = ", ".join(f"{rate:,.0f}" for rate in rates)
        found.add_row(rival.name, rival.queue, f"{statistics.median(rates):,.0f}", each, rival.how)
    Console(width=160).print(found)


if __name__ == "__main__":
    main()
