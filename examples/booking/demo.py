"""The first run: 200 bookings, a node that is killed with signal 9 on the way, and a check of every promise."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
import tempfile
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

from rich.console import Console
from rich.live import Live

from examples.booking.checks import violations
from examples.booking.ledger import VARIABLE, Ledger
from examples.booking.model import Order
from examples.booking.orders import load
from examples.booking.show import Progress, table
from examples.booking.workflow import BookingWorkflow
from leveret import Client, LeveretError
from leveret_actors.testing import replay

ROOT = Path(__file__).parents[2]
NODE = (
    "-m", "leveret_actors.cli", "node",
    "--workflow", "examples.booking.workflow:BookingWorkflow",
    "--service", "examples.booking.services:Hotels",
    "--service", "examples.booking.services:Cars",
    "--service", "examples.booking.services:Payments",
)  # fmt: skip
DEADLINE = 120.0
"""Seconds for all bookings to end; a run takes about ten."""


class Demo:
    """One run: its processes, its client, its table."""

    def __init__(self, url: str, folder: Path) -> None:
        """Keep logs and ledger in `folder`."""
        self.url = url
        self.run = uuid4().hex[:6]
        self.folder = folder
        self.ledger = Ledger(folder / "ledger.db")
        self.orders = [replace(order, id=f"{self.run}-{order.id}") for order in load()]
        self.progress = Progress(len(self.orders))
        self.killed = asyncio.Event()
        self.all_started = asyncio.Event()

    async def bookings(self, client: Client) -> None:
        """Start all bookings and wait for their receipts."""
        async with asyncio.TaskGroup() as group:
            for order in self.orders:
                group.create_task(self._booking(client, order))

    async def _booking(self, client: Client, order: Order) -> None:
        booking = client.new(BookingWorkflow, id=order.id, tags={f"orderId:{order.id}"})
        try:
            handle = await client.dispatch(booking.book, order)
            self.progress.started += 1
            if self.progress.started == len(self.orders):
                self.all_started.set()
            self.progress.receipts[order.id] = await handle.result(DEADLINE)
        except LeveretError as error:
            self.progress.errors.append(f"booking {order.id}: {type(error).__name__}: {error}")

    async def accidents(self) -> None:
        """Run a node, kill it when a third of the bookings are done, run another until cancelled."""
        async with self.process("node", *NODE, "--url", self.url) as node:
            self.progress.node = f"pid {node.pid}"
            while len(self.progress.receipts) < len(self.orders) // 3:
                if node.returncode is not None:
                    text = f"the node ended by itself, with {node.returncode}: see {self.folder / 'node.log'}"
                    raise RuntimeError(text)
                await asyncio.sleep(0.02)
            node.send_signal(signal.SIGKILL)
            await node.wait()
            first = node.pid
        async with self.process("node", *NODE, "--url", self.url) as node:
            self.progress.node = f"[red]pid {first} killed by signal 9[/red], pid {node.pid} goes on"
            self.killed.set()
            await node.wait()

    async def approvals(self) -> None:
        """Have a second process decide, once everything is started."""
        await self.all_started.wait()
        async with self.process("approver", "-m", "examples.booking.approver", self.url, self.run) as approver:
            self.progress.approver = f"pid {approver.pid} signals by tag"
            await approver.wait()
            self.progress.approver = f"pid {approver.pid} has decided, exit {approver.returncode}"

    @asynccontextmanager
    async def process(self, name: str, *arguments: str) -> AsyncGenerator[asyncio.subprocess.Process]:
        """Run Python with a log of its own; end it on the way out."""
        environment = {**os.environ, VARIABLE: str(self.ledger.path), "PYTHONPATH": str(ROOT)}
        with (self.folder / f"{name}.log").open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                sys.executable, *arguments, stdout=log, stderr=log, env=environment, cwd=self.folder
            )
            try:
                yield process
            finally:
                if process.returncode is None:
                    process.terminate()
                    await process.wait()

    async def show(self, live: Live) -> None:
        """Refresh the table until cancelled."""
        while True:
            live.update(table(self.progress, self.ledger))
            await asyncio.sleep(0.1)

    async def replayed(self, client: Client) -> int:
        """Repeat every journal against the code and return the number of turns."""
        turns = 0
        for order in self.orders:
            instance = client.get("Booking", id=order.id)
            turns += replay(BookingWorkflow, [record async for record in instance.history()]).turns
        return turns

    async def __call__(self, console: Console) -> bool:
        """Run it all; True when every promise held."""
        async with Client(self.url) as client:
            with Live(console=console, refresh_per_second=10) as live:
                helpers = [asyncio.create_task(job) for job in (self.accidents(), self.approvals(), self.show(live))]
                bookings = asyncio.create_task(self.bookings(client))
                try:
                    await asyncio.wait((bookings, *helpers[:1]), return_when=asyncio.FIRST_COMPLETED)
                    if helpers[0].done():
                        helpers[0].result()
                    turns = await self.replayed(client)
                finally:
                    live.update(table(self.progress, self.ledger))
                    for task in (bookings, *helpers):
                        task.cancel()
                    await asyncio.gather(bookings, *helpers, return_exceptions=True)
        console.print()
        return self.verdict(console, turns)

    def verdict(self, console: Console, turns: int) -> bool:
        """Print what held and what did not."""
        broken = self.progress.errors + violations(self.orders, self.progress.receipts, self.ledger.of_orders(self.run))
        if not self.killed.is_set():
            broken.append("the node was never killed: nothing was proven")
        done, total = len(self.progress.receipts), len(self.orders)
        console.print(f"{done} of {total} bookings ended: {self.progress.count('completed')} completed, "
                      f"{self.progress.count('compensated')} compensated, {total - done} lost")  # fmt: skip
        console.print(f"{turns} turns replayed from the journals, all the same")
        for line in broken[:20]:
            console.print(f"[red]broken:[/red] {line}")
        if not broken:
            console.print("[green]no booking lost, no effect counted twice, everything compensated undone[/green]")
        return not broken


def own_namespace(url: str) -> str:
    """Return the URL with a namespace, so that the demo meets nobody else's queues."""
    return url if "ns=" in url else f"{url}{'&' if '?' in url else '?'}ns=leveret-demo"


def main() -> int:
    """Run the demo; 0 only if every promise held."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", help="broker and store; default: one SQLite file")
    url = parser.parse_args().url
    console, begun = Console(), time.monotonic()
    with tempfile.TemporaryDirectory(prefix="leveret-demo-") as name:
        folder = Path(name)
        try:
            good = asyncio.run(Demo(own_namespace(url) if url else f"sqlite:///{folder / 'demo.db'}", folder)(console))
        except (LeveretError, RuntimeError) as error:
            console.print(f"[red]{error}[/red]")
            good = False
        if not good:
            for log in sorted(folder.glob("*.log")):
                console.print(f"--- {log.name}", *log.read_text().splitlines()[-20:], sep="\n", markup=False)
    console.print(f"{time.monotonic() - begun:.1f} s")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
