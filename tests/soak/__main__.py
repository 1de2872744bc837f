"""Soak private servers and print what came of it."""

from __future__ import annotations

import argparse
import asyncio
import sys

from tests.servers import RabbitServer, RedisServer
from tests.soak.soaking import soak


def main() -> int:
    """Soak; 1 when the counts do not add up."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=20_000)
    parser.add_argument("--workers", type=int, default=3)
    parser.add_argument("--pause", type=float, default=3.0, help="seconds between two kills")
    parser.add_argument("--seconds", type=float, default=1800.0, help="most seconds for all of it")
    told = parser.parse_args()
    with RabbitServer() as rabbit, RedisServer() as store:
        soaked = asyncio.run(
            soak(
                f"{rabbit.url}?store={store.url}&ns=soak",
                store.url,
                tasks=told.tasks,
                workers=told.workers,
                pause=told.pause,
                seconds=told.seconds,
            )
        )
    right = soaked.counts == soaked.expected and soaked.effects == soaked.expected["completed"]
    sys.stdout.write(
        f"{soaked.sent} tasks in {soaked.seconds:.0f} s, {soaked.kills} workers killed\n"
        f"ended      {dict(soaked.counts)}\nexpected   {dict(soaked.expected)}\n"
        f"effects    {soaked.effects} of {soaked.runs} calls of the receiver; dead letters {soaked.letters}\n"
        f"{'the counts add up' if right else 'THE COUNTS DO NOT ADD UP'}\n"
    )
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main())
