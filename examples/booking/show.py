"""The live table of the demo."""

from __future__ import annotations

from dataclasses import dataclass, field

from rich.table import Table

from examples.booking.ledger import Ledger
from examples.booking.model import Receipt


@dataclass
class Progress:
    """What the demo knows so far."""

    orders: int
    started: int = 0
    receipts: dict[str, Receipt] = field(default_factory=dict[str, Receipt])
    errors: list[str] = field(default_factory=list[str])
    node: str = "not started"
    approver: str = "not started"

    def count(self, state: str) -> int:
        """Return how many bookings ended so."""
        return sum(receipt.state == state for receipt in self.receipts.values())


def table(progress: Progress, ledger: Ledger) -> Table:
    """Return the table for this moment."""
    calls, effects = ledger.counts()
    rows = Table(title="200 bookings and one kill -9", title_justify="left", min_width=72)
    rows.add_column("what")
    rows.add_column("count", justify="right")
    rows.add_column("")
    rows.add_row("started", str(progress.started), f"of {progress.orders}")
    rows.add_row("completed", str(progress.count("completed")), "[green]paid[/green]")
    rows.add_row("compensated", str(progress.count("compensated")), "[yellow]all undone[/yellow]")
    rows.add_row("still going", str(progress.started - len(progress.receipts)), "retries, approvals, timers")
    rows.add_section()
    rows.add_row("service calls", str(calls), "attempts that fail, stall or refuse included")
    for (service, action), count in sorted(effects.items()):
        rows.add_row(f"{service} {action}", str(count), "effects")
    rows.add_section()
    rows.add_row("node", "", progress.node)
    rows.add_row("approver", "", progress.approver)
    return rows
