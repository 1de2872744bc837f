"""A node as a process of its own: `python -m tests.endtoend.node_process URL shop language:Greeting …`."""

from __future__ import annotations

import asyncio
import sys
from importlib import import_module
from typing import Any

from leveret_actors import Node
from leveret_actors.cli.logs import log_to_terminal
from leveret_actors.settings import LeaseSettings, Settings

FOUND_OUT_SOON = LeaseSettings(after=0.1, seconds=1.0, wait=0.1)
"""For what is about leases: taken after a moment, over a second after a death."""


def offers(names: list[str]) -> tuple[list[type[Any]], list[type[Any]]]:
    """Return the workflows and the services that are named: all of a module, or one class of it."""
    found: list[type[Any]] = []
    for name in names:
        module, _, attribute = name.partition(":")
        code = import_module(f"tests.endtoend.{module}")
        found += [getattr(code, attribute)] if attribute else [*code.WORKFLOWS, *code.SERVICES]
    is_workflow = [hasattr(cls, "__leveret_workflow__") for cls in found]
    workflows = [cls for cls, yes in zip(found, is_workflow, strict=True) if yes]
    return workflows, [cls for cls, yes in zip(found, is_workflow, strict=True) if not yes]


async def main(url: str, *names: str) -> None:
    """Serve until told to stop."""
    workflows, services = offers(list(names))
    leases = FOUND_OUT_SOON if "voyages" in names else LeaseSettings()
    await Node(url, workflows=workflows, services=services, settings=Settings(grace=20, leases=leases)).run()


if __name__ == "__main__":
    log_to_terminal("DEBUG")
    asyncio.run(main(*sys.argv[1:]))
