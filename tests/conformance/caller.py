"""Another process: starts instances, or asks for results, through contracts alone; prints what it got as JSON."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

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


async def complete(url: str, service: str, task_id: str) -> object:
    """Complete a delegated task with True."""
    async with Client(url) as client:
        return (await client.complete_task(service, task_id, True, timeout=30)).count


async def race(url: str, workflow: str, unique_tag: str, clients: str, first: str) -> list[str]:
    """Start an instance with a unique tag from each of several clients at once; return which instances they got."""

    async def one(number: int) -> str:
        async with Client(url) as client:
            wanted = client.new(workflow, id=f"racer-{number}", unique_tag=unique_tag)
            handle = await wanted.dispatch("run")
            await handle.started(30)
            return str(handle.id)

    return await asyncio.gather(*(one(int(first) + number) for number in range(int(clients))))


if __name__ == "__main__":
    what, *arguments = sys.argv[1:]
    verbs: dict[str, Any] = {"call": call, "result": result, "complete": complete, "race": race}
    answer = asyncio.run(verbs[what](*arguments))
    implementation = "tests.conformance.implementations"
    print(json.dumps({"answer": answer, "implementation": implementation in sys.modules}))
