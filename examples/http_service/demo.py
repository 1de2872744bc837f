"""Three charges at a bank that has a bad day: `python -m examples.http_service.demo`."""

from __future__ import annotations

import asyncio

from examples.http_service.bank import Bank
from examples.http_service.charging import payments
from examples.http_service.payments import Payments
from leveret import Client, TaskFailed
from leveret_actors import Node


async def main(url: str = "memory://http") -> list[str]:
    said: list[str] = []
    with Bank(["fail", "stall", "limit"]) as bank:
        async with Node(url, services=[payments(bank.url, timeout=0.5)]), Client(url) as client:
            said.append(await client.service(Payments, id="order-1").charge("ann", 5_000))
            said.append(f"requests {len(bank.requests)}, charges {len(bank.charges)}")

            said.append(await client.service(Payments, id="order-1").charge("ann", 5_000))  # the same one, once more
            said.append(f"requests {len(bank.requests)}, charges {len(bank.charges)}")

            try:
                await client.service(Payments, id="order-2").charge("ann", 500_000)
            except TaskFailed as error:
                said.append(error.failure.message)
    return said


if __name__ == "__main__":
    print(*asyncio.run(main()), sep="\n")
