"""Code that configurations name."""

from leveret import service, workflow


class Refused(Exception):
    pass


@workflow.define(name="Order")
class Order:
    async def run(self) -> str:
        return "done"


@service.define(name="Stock")
class Stock:
    async def reserve(self, item: str) -> int:
        return len(item)


class Picky:
    def __init__(self, wanted: str) -> None:
        self.wanted = wanted

    async def work(self) -> None: ...


def make_stock() -> Stock:
    return Stock()


async def open_stock() -> Stock:
    return Stock()


def broken() -> Stock:
    raise RuntimeError("no connection")


stock = Stock()
number = 3
