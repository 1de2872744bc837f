"""A node as a process of its own: `python -m tests.endtoend.node_process URL shop language:Greeting`.

Modules are those of this folder; one with a dot in its name may be anywhere.
"""

from __future__ import annotations

import asyncio
import sys
from importlib import import_module
from typing import Any

from leveret_actors import Node
from leveret_actors.cli.logs import log_to_terminal
from leveret_actors.settings import LeaseSettings, Retention, Settings

ALL = Retention(closed_count=10_000_000)
"""For what is counted afterwards."""
FOUND_OUT_SOON = LeaseSettings(after=0.1, seconds=1.0, wait=0.1)
"""For what is about leases: taken after a moment, over a second after a death."""


def offers(names: list[str]) -> dict[str, list[Any]]:
    """Return the workflows, services and listeners that are named: all of a module, or one class of it."""
    found: dict[str, list[Any]] = {"workflows": [], "services": [], "listeners": []}
    for name in names:
        module, _, attribute = name.partition(":")
        code = import_module(module if "." in module else f"tests.endtoend.{module}")
        for kind, listed in found.items():
            offered = getattr(code, kind.upper(), [])
            listed += [one for one in offered if not attribute or one is getattr(code, attribute)]
    return found


async def main(url: str, *names: str) -> None:
    """Serve until told to stop."""
    leases = FOUND_OUT_SOON if "voyages" in names else LeaseSettings()
    hosted = offers(list(names))
    await Node(
        url,
        workflows=hosted["workflows"],
        services=hosted["services"],
        listeners=hosted["listeners"],
        settings=Settings(grace=20, leases=leases, retention=ALL),
    ).run()


if __name__ == "__main__":
    log_to_terminal("DEBUG")
    asyncio.run(main(*sys.argv[1:]))
