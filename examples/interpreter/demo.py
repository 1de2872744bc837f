"""One program from start to end: `python -m examples.interpreter.demo`."""

from __future__ import annotations

import asyncio
import json

from examples.interpreter.clerk import Clerk
from examples.interpreter.language import Interpreter, Signal
from leveret import Client
from leveret_actors import Node

PROGRAM = """
{"sequence": [
    {"parallel": [
        {"task": "Clerk.add", "with": {"left": 1, "right": 2}, "as": "sum"},
        {"task": "Clerk.greet", "with": {"name": "ann"}, "as": "greeting"}
    ]},
    {"timer": 0.01},
    {"signal": "answer", "as": "answer"},
    {"if": {"$": "answer"}, "equals": "yes",
        "then": {"child": "Interpreter.run", "with": {"program":
            {"task": "Clerk.add", "with": {"left": 20, "right": 22}}}, "as": "more"},
        "else": {"value": 0, "as": "more"}},
    {"value": [{"$": "greeting"}, {"$": "sum"}, {"$": "more"}]}
]}
"""


async def main(url: str = "memory://interpreter") -> object:
    async with Node(url, workflows=[Interpreter], services=[Clerk()]), Client(url) as client:
        handle = await client.new("Interpreter", id="p1").dispatch("run", {"program": json.loads(PROGRAM)})
        await client.get(Interpreter, id="p1").signals.send(Signal("noise"))
        await client.get("Interpreter", id="p1").signal("signals", {"name": "answer", "value": "yes"})
        return await handle.result()


if __name__ == "__main__":
    print(asyncio.run(main()))
