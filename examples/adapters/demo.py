"""An order is placed twice, paid, and looked at, over HTTP: `python -m examples.adapters.demo`."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx

from examples.adapters.shop import Order, Payment, tag_of
from examples.adapters.webhook import app, client_of
from leveret import Client
from leveret_actors import Node


async def main(url: str = "memory://adapters") -> list[Any]:
    said: list[Any] = []
    async with Node(url, workflows=[Order]), Client(url) as client:
        app.dependency_overrides[client_of] = lambda: client  # as a test of yours would
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://shop") as http:
            answers = [await http.post("/orders", json={"order": "7", "cents": 500}) for _ in range(2)]
            said += [f"{placed.status_code} {placed.headers['Location']}" for placed in answers]
            said.append((await http.get("/orders/7")).json())

            await client.all(Order, tag=tag_of("7")).payments.send(Payment("7", 500))
            await client.result(client.get(Order, id="7"))
            said.append((await http.get("/orders/7")).json())
        app.dependency_overrides.clear()
    return said


if __name__ == "__main__":
    print(*asyncio.run(main()), sep="\n")
