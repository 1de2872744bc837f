"""A node in a process of its own, to be killed: `python -m tests.egress.hosting URL`."""

from __future__ import annotations

import asyncio
import sys

from leveret_actors import Node
from tests.egress.harness import QUIET, Mill, Quick, Slow

if __name__ == "__main__":
    asyncio.run(Node(sys.argv[1], workflows=[Quick, Slow], services=[Mill()], settings=QUIET).run())
