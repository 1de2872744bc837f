"""Unions whose encoded values cannot be told apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import attrs
import msgspec
import pydantic
import pytest

from leveret import ConfigurationError, service, workflow


class Card(pydantic.BaseModel):
    number: str


class Cash(pydantic.BaseModel):
    amount: int


@attrs.define
class Voucher:
    code: str


@dataclass
class Points:
    count: int


class Tagged(msgspec.Struct, tag=True):
    number: str


class TaggedToo(msgspec.Struct, tag=True):
    amount: int


@pytest.mark.parametrize(
    "kind", [Card | Cash, Card | Voucher, Voucher | Points, Card | int, list[Card | Cash]], ids=str
)
def test_W05_a_union_that_says_nothing_is_refused_where_it_is_defined(kind: Any) -> None:
    class Takes:
        async def run(self, paid: Any) -> None: ...

    class Gives:
        async def pay(self) -> Any: ...

    Takes.run.__annotations__["paid"] = kind
    Gives.pay.__annotations__["return"] = kind

    with pytest.raises(ConfigurationError, match=r"Takes.run\(\): parameter 'paid': .*tag=True"):
        workflow.definition_of(workflow.define(Takes))
    with pytest.raises(ConfigurationError, match=r"Gives.pay\(\): its result: .*register_type"):
        service.definition_of(service.define(Gives))


@pytest.mark.parametrize("kind", [Card | None, Tagged | TaggedToo, Tagged | int, Voucher | str | None], ids=str)
def test_W05_a_union_that_can_be_told_apart_is_not(kind: Any) -> None:
    class Pays:
        async def run(self, paid: Any) -> None: ...

    Pays.run.__annotations__["paid"] = kind

    assert workflow.definition_of(workflow.define(Pays)).methods["run"].signature.types == {"paid": kind}
