"""Is the store there, does it keep the promises, and what does it know of nodes and dead letters?"""

from __future__ import annotations

import time
from collections import Counter
from typing import Final

from leveret_actors.cli.doctor.verdict import Verdict
from leveret_actors.store.contract import DeadLetter, Store

STORE: Final = "store"
CLOCK: Final = "clock"
NODES: Final = "nodes"
SERVICES: Final = "services"
LETTERS: Final = "dead letters"

OPENING: Final = 3.0
PATIENCE: Final = 2.0
ODD: Final = 1.0
"""Seconds between the clocks that are worth a warning: delays and deadlines of tasks are off by as much."""
WRONG: Final = 10.0
MOST_LETTERS: Final = 10_000
"""Dead letters that are counted."""
_PAGE: Final = 1000


async def examine_clock(store: Store) -> Verdict:
    """Return whether this host and the store agree on the time."""
    before = time.time()
    there = await store.clock()
    difference = there - (before + time.time()) / 2
    text = f"this host and the store differ by {abs(difference):.2f} s"
    if abs(difference) < ODD:
        return Verdict(CLOCK, "ok", text)
    behind = "behind" if difference > 0 else "ahead of"
    advice = f"this host is {behind} the store: run NTP (chrony, systemd-timesyncd) on both"
    return Verdict(CLOCK, "failed" if abs(difference) > WRONG else "warning", text, advice)


async def examine_nodes(store: Store) -> Verdict:
    """Return which nodes live."""
    rows = await store.nodes()
    if not rows:
        return Verdict(NODES, "warning", "no node is alive: nothing runs", "start one: leveret node, or leveret dev")
    names = ", ".join(sorted(row.node for row in rows)[:10])
    return Verdict(NODES, "ok", f"{len(rows)} alive: {names}{', …' if len(rows) > 10 else ''}")


async def examine_services(store: Store) -> Verdict:
    """Return which services are paused."""
    paused = sorted(await store.paused())
    if not paused:
        return Verdict(SERVICES, "ok", "none is paused")
    text = f"paused: {', '.join(paused)}; their tasks wait"
    return Verdict(SERVICES, "warning", text, "leveret services resume SERVICE, when they may go on")


async def examine_letters(store: Store) -> Verdict:
    """Return how many dead letters there are, and why."""
    count, reasons, after = 0, Counter[str](), ""
    while count < MOST_LETTERS:
        page: list[DeadLetter] = await store.dead_letters(after, _PAGE)
        count += len(page)
        reasons.update(f"{letter.source or '?'}: {letter.reason or 'no reason given'}" for letter in page)
        if len(page) < _PAGE:
            break
        after = page[-1].id
    if not count:
        return Verdict(LETTERS, "ok", "none")
    often = "; ".join(f"{times} x {reason}" for reason, times in reasons.most_common(3))
    more = "or more " if count >= MOST_LETTERS else ""
    return Verdict(LETTERS, "warning", f"{count} {more}in the store: {often}", "mend the cause, then send them again")
