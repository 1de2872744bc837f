"""A shuffled stream of events of orders on each transport, checked and measured: `make stream`.

Latency is from the publisher's stamp, just before it publishes, to the turn of the order's workflow, and to the moment
at which the listener is told; the processes share one clock. Of duplicates the first counts. At full speed it is mostly
the time that a message waits behind others, so it is measured at a steady rate as well.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import secrets
import sys

from rich.console import Console
from rich.table import Table

from tests.bench.measure import quantile
from tests.servers import RabbitServer, RedisServer
from tests.stream.running import Ran, run
from tests.stream.story import story


def both(url: str, broker: str, asked: argparse.Namespace) -> tuple[Ran, Ran]:
    """Send one stream at full speed, another at the rate that is asked for."""
    begun = f"{url}{'&' if '?' in url else '?'}ns=stream{secrets.token_hex(3)}"
    flood = run(f"{begun}f", broker, story(asked.messages, asked.by), deaths=asked.deaths, seconds=asked.seconds)
    first = asyncio.run(flood)
    paced = run(f"{begun}p", broker, story(asked.paced, asked.by), rate=asked.rate, seconds=asked.seconds)
    return first, asyncio.run(paced)


def measured(asked: argparse.Namespace) -> dict[str, tuple[Ran, Ran]]:
    """Run on what `--url` names, or on one file and on private servers."""
    if asked.url:
        return {asked.url.partition(":")[0]: both(asked.url, _broker(asked.url), asked)}
    found = {"SQLite": both("sqlite:///{folder}/stream.db", "", asked)}
    with RabbitServer() as rabbit, RedisServer() as redis:
        found["RabbitMQ + Redis"] = both(f"{rabbit.url}?store={redis.url}", rabbit.url, asked)
    return found


def _broker(url: str) -> str:
    """Return where a foreign publisher finds the broker; empty where only clients of leveret can publish."""
    return url.partition("?")[0] if url.startswith("amqp") else ""


def table(found: dict[str, tuple[Ran, Ran]], asked: argparse.Namespace) -> Table:
    """Return the figures, a column a transport."""
    title = f"{asked.messages:,} messages to orders by {asked.by}; workflows and listener in one process"
    rows = Table(title=title, title_justify="left")
    rows.add_column("")
    for transport in found:
        rows.add_column(transport, justify="right")

    def row(name: str, *values: str) -> None:
        rows.add_row(name, *values)

    floods, paced = [flood for flood, _ in found.values()], [slow for _, slow in found.values()]
    row("publisher", *(f"{len(one.story.messages) / one.published:,.0f}/s" for one in floods))
    row("until the last reaction", *(f"{one.seconds:,.1f} s" for one in floods))
    row("reactions", *(f"{len(one.story.messages) / one.seconds:,.0f} messages/s" for one in floods))
    row("node", *(one.needed for one in floods))
    for state in ("completed", "cancelled", "open"):
        row(f"orders {state}", *(f"{one.totals.states[state]:,}" for one in floods))
    for kind in sorted({kind for one in floods for kind in one.letters}):
        row(f"dead letters {kind}", *(f"{one.letters[kind]:,}" for one in floods))
    for what, ran in (("full speed", floods), (f"{asked.rate:g}/s", paced)):
        rows.add_section()
        row(f"to the turn, {what}", *(_quantiles(one.turns) for one in ran))
        row(f"to the listener, {what}", *(_quantiles(one.told) for one in ran))
    return rows


def _quantiles(seconds: list[float]) -> str:
    return f"p50 {quantile(seconds, 0.5) * 1000:,.0f}, p99 {quantile(seconds, 0.99) * 1000:,.0f} ms"


def main() -> int:
    """Run, print; 1 when something is not as the stream implies."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--messages", type=int, default=50_000)
    parser.add_argument("--by", choices=("tag", "id"), default="tag", help="orders are meant by unique tag, or by id")
    parser.add_argument(
        "--deaths", nargs="*", default=[], metavar="POINT", help="where nodes die: after-commit:900 ..."
    )
    parser.add_argument("--rate", type=float, default=100.0, help="messages a second of the second, paced stream")
    parser.add_argument("--paced", type=int, default=2000, help="messages of that")
    parser.add_argument("--seconds", type=float, default=1800.0, help="most seconds for one stream")
    parser.add_argument("--url", default="", help="where to run, without ns=; default: one file, and private servers")
    asked = parser.parse_args()
    found = measured(asked)
    console = Console()
    console.print(table(found, asked))
    wrong = [f"{name}: {text}" for name, runs in found.items() for ran in runs for text in ran.wrong]
    console.print(*(wrong or ["workflows, table and dead letters are as the streams imply"]), sep="\n")
    console.print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}: compare columns of one run, not of two")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
