"""A shop whose code says all that a document can tell."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Protocol

import msgspec
from pydantic import BaseModel, Field

from leveret import register_type, service, workflow


class Sku:
    """Known by its hook only."""

    def __init__(self, code: str) -> None:
        self.code = code


register_type(Sku, lambda sku: sku.code, Sku)


class Cash(msgspec.Struct, tag=True):
    amount: Decimal


class Card(msgspec.Struct, tag=True):
    number: Annotated[str, msgspec.Meta(pattern="^[0-9]{16}$")]


class Item(BaseModel):
    name: str
    count: int = Field(default=1, ge=1)


class Cart(BaseModel):
    items: list[Item] = Field(alias="lines")
    within: Cart | None = None


@dataclass
class Order:
    """What somebody wants."""

    cart: Cart
    pay: Cash | Card
    at: datetime
    place: tuple[float, float] = (0.0, 0.0)
    discriminator: dict[str, int] = field(default_factory=dict[str, int])
    """Named as a keyword of schemas."""


@service.define(name="Desk")
class Desk(Protocol):
    async def sign(self, order: Order) -> bool: ...


class Clerks(Desk):
    def __init__(self, names: list[str]) -> None:
        self.names = names

    @service.task(delegated=True)
    async def sign(self, order: Order) -> bool:
        raise NotImplementedError


class Vault:
    @service.task
    async def keep(self, what: str) -> None: ...


@asynccontextmanager
async def clerks() -> AsyncGenerator[Clerks]:
    yield Clerks([])


def anybody():  # type: ignore[no-untyped-def]  # noqa: ANN201
    return Clerks([])


@workflow.define(name="Sale", version=1)
class OldSale:
    paid = workflow.Channel[int]()

    async def run(self, item: str) -> str:
        return item


@workflow.define(name="Sale", version=2)
class Sale:
    """Sells what is in a cart."""

    paid = workflow.Channel[Cash]()
    notes = workflow.Channel[Any]()

    async def run(self, order: Order, gift: bool = False) -> Cash:
        """Sell it."""
        raise NotImplementedError

    async def find(self, sku: Sku, *more: int, **options: str) -> None:
        """Look for it."""

    async def tell(self, *, word: str) -> None: ...

    async def stop(self) -> None: ...

    @workflow.query
    def total(self, until: float | None = None) -> complex:
        return 0


@workflow.define(name="till.Count")
class Count:
    async def run(self, values: list[int]) -> int:
        return sum(values)
