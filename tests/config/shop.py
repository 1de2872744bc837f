"""Code that configurations name."""

from leveret import service, workflow
from leveret.interceptors import ClientInterceptor, WorkflowInterceptor
from leveret.retry import RetryDetails


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


class Tracing(WorkflowInterceptor):
    pass


class Auditing(ClientInterceptor):
    pass


def patient(details: RetryDetails) -> float | None:
    return 1.0


def make_stock() -> Stock:
    return Stock()


async def open_stock() -> Stock:
    return Stock()


stock = Stock()
tracing = Tracing()
number = 3


class Codec:
    id = 7

    def encode(self, data: bytes) -> bytes:
        return data

    def decode(self, data: bytes) -> bytes:
        return data


CODEC = Codec()


def codecs() -> list[Codec]:
    return [CODEC]
