"""Run all backends and print them side by side."""

from __future__ import annotations

import argparse
import asyncio
import os
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.bench.measure import Figures, measure, quantile
from tests.bench.shape import longest
from tests.servers import RabbitServer, RedisServer


def figures_of(workflows: int, window: int, alone: int) -> list[Figures]:
    """Measure memory, SQLite, and RabbitMQ with Redis (private servers that fsync every commit)."""
    with tempfile.TemporaryDirectory(prefix="leveret-bench-") as folder:
        database = Path(folder) / "bench.db"
        found = [
            asyncio.run(measure("memory", "memory://bench", workflows, window, alone)),
            asyncio.run(measure("SQLite", f"sqlite:///{database}", workflows, window, alone)),
        ]
    with RabbitServer() as rabbit, RedisServer() as redis:
        url = f"{rabbit.url}?store={redis.url}&ns=bench"
        found.append(asyncio.run(measure("RabbitMQ + Redis", url, workflows, window, alone)))
    return found


def table(found: list[Figures]) -> Table:
    """Return the figures, a column a backend."""
    rows = Table(title="two-task hello workflow; node, worker and client in one process", title_justify="left")
    rows.add_column("")
    for figures in found:
        rows.add_column(figures.backend, justify="right")

    def row(name: str, *values: str) -> None:
        rows.add_row(name, *values)

    row("workflows/s", *(f"{f.rate:,.0f}" for f in found))
    row("p50, all at once", *(f"{quantile(f.loaded, 0.5) * 1000:,.1f} ms" for f in found))
    row("p99, all at once", *(f"{quantile(f.loaded, 0.99) * 1000:,.1f} ms" for f in found))
    row("p50, one at a time", *(f"{quantile(f.alone, 0.5) * 1000:,.1f} ms" for f in found))
    row("p99, one at a time", *(f"{quantile(f.alone, 0.99) * 1000:,.1f} ms" for f in found))
    row("turns/s", *(f"{f.turns / f.seconds:,.0f}" for f in found))
    row("turns per commit", *(f"{f.turns / f.commits:,.1f}" for f in found))
    rows.add_section()
    row("CPU µs per turn", *(f"{sum(f.stages.values()):,.0f}" for f in found))
    for stage in sorted({stage for f in found for stage in f.stages}):
        row(f"  {stage}", *(f"{f.stages.get(stage, 0):,.0f}" for f in found))
    return rows


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workflows", type=int, default=2000)
    parser.add_argument("--window", type=int, default=500, help="how many run at once")
    parser.add_argument("--alone", type=int, default=100, help="how many run one at a time")
    asked = parser.parse_args()
    console = Console()
    console.print(table(figures_of(asked.workflows, asked.window, asked.alone)))
    file, function = longest()
    console.print(f"longest file: {file[0]} lines, {file[1]}; longest function: {function[0]} lines, {function[1]}")
    console.print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}: compare columns of one run, not of two")


if __name__ == "__main__":
    main()
