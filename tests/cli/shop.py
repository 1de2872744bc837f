"""What the command line hosts in its tests."""

from typing import Protocol

from leveret import service, workflow


@service.define(name="Stock")
class Stock(Protocol):
    async def reserve(self, item: str) -> int: ...


class Warehouse(Stock):
    async def reserve(self, item: str) -> int:
        if item == "nothing":
            raise ValueError("we do not have that")
        return len(item)


@workflow.define(name="Order")
class Order:
    stock = workflow.service(Stock)
    paid = workflow.Channel[int]()

    async def run(self, item: str) -> str:
        reserved = await self.stock.reserve(item)
        return f"{reserved} x {item}"

    async def pay(self, item: str) -> str:
        amount = await self.paid.receive()
        return f"{amount} for {item}"
