"""Another process: starts instances, or asks for results, through contracts alone; prints what it got as JSON."""

from __future__ import annotations

import asyncio
import json
import sys

from leveret import Client
from tests.conformance.contracts import Farewell, Greeting


async def call(url: str, name: str) -> list[str]:
    """Start one instance of each contract and return their results."""
    async with Client(url) as client:
        greeting = await client.new(Greeting, id="greeting").greet(name)
        return [greeting, await client.new(Farewell, id="farewell").part(name)]


async def result(url: str, workflow: str, instance: str) -> object:
    """Return the result of an instance that somebody else started."""
    async with Client(url) as client:
        return await client.get(workflow, id=instance).result(30)


if __name__ == "__main__":
    what, *arguments = sys.argv[1:]
    answer = asyncio.run(call(*arguments) if what == "call" else result(*arguments))
    implementation = "tests.conformance.implementations"
    print(json.dumps({"answer": answer, "implementation": implementation in sys.modules}))
