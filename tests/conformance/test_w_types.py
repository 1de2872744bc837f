"""W · types of arguments and results."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any, Generic, TypedDict, TypeVar
from uuid import UUID

import attrs
import msgspec
import pydantic

from leveret import TaskFailed, register_type, workflow
from leveret.failure import attributes_of
from leveret_broker.errors import EncodeError
from tests.conformance.house import House

T = TypeVar("T")


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Point(TypedDict):
    x: int
    y: float


class Circle(msgspec.Struct, tag=True, frozen=True):
    radius: float


class Square(msgspec.Struct, tag=True, frozen=True):
    side: float


@dataclass
class Box(Generic[T]):
    content: T


class Person(pydantic.BaseModel):
    name: str
    born: datetime


@attrs.define
class Pet:
    name: str
    legs: int = 4


class Money:
    """Known to the codec by a hook alone."""

    def __init__(self, cents: int) -> None:
        self.cents = cents

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Money) and other.cents == self.cents


register_type(Money, lambda money: money.cents, Money)


@dataclass
class Everything:
    colour: Colour
    point: Point
    shapes: list[Circle | Square]
    boxes: dict[str, Box[Box[int]]]
    person: Person
    pet: Pet
    money: Money
    when: datetime
    span: timedelta
    key: UUID
    price: Decimal
    names: set[str]
    pair: tuple[int, Colour]
    maybe: Person | None = None
    bytes_: bytes = b""
    many: list[Money] = field(default_factory=list[Money])


KINDS = (
    Colour, dict, list, dict, Person, Pet, Money, datetime, timedelta, UUID, Decimal, set, tuple, Person, bytes, list,
)  # fmt: skip


def everything() -> Everything:
    return Everything(
        colour=Colour.BLUE,
        point={"x": 1, "y": 2.5},
        shapes=[Square(2.0), Circle(1.5)],
        boxes={"a": Box(Box(3))},
        person=Person(name="Ada", born=datetime(1815, 12, 10, tzinfo=UTC)),
        pet=Pet("Rex"),
        money=Money(1250),
        when=datetime(2024, 2, 29, 12, 30, 15, 123456, tzinfo=UTC),
        span=timedelta(days=2, microseconds=7),
        key=UUID("12345678-1234-5678-1234-567812345678"),
        price=Decimal("19.990"),
        names={"x", "y"},
        pair=(1, Colour.RED),
        maybe=Person(name="Bob", born=datetime(1990, 1, 1, tzinfo=UTC)),
        bytes_=b"\x00\xff",
        many=[Money(1)],
    )


def kinds(value: Everything) -> tuple[type[Any], ...]:
    return tuple(type(part) for part in vars(value).values())


class Mirror:
    async def reflect(self, value: Everything, person: Person, pets: list[Pet]) -> Everything:
        assert value == everything()
        assert kinds(value) == KINDS
        assert (type(person), type(pets[0])) == (Person, Pet)
        return value


@workflow.define
class Types:
    mirror = workflow.service(Mirror)
    inlet = workflow.Channel[Person]()

    async def run(self, value: Everything, shape: Circle | Square, money: Money) -> tuple[Everything, Person]:
        assert kinds(value) == KINDS
        assert (type(shape), type(money)) == (Square, Money)
        returned = await self.mirror.reflect(value, value.person, [value.pet])
        assert returned == value
        return returned, await self.inlet.receive()


@workflow.define
class Single:
    """One value of its own type on the way in and on the way out."""

    async def model(self, value: Person) -> Person:
        return value

    async def hooked(self, value: Money) -> Money:
        return value

    async def nested(self, value: dict[str, list[Box[Pet]]]) -> dict[str, list[Box[Pet]]]:
        return value

    async def tagged(self, value: Circle | Square) -> Circle | Square:
        return value

    async def number(self, value: Decimal) -> Decimal:
        return value

    async def names(self, value: set[str]) -> set[str]:
        return value

    async def anything(self, value: dict[str, object]) -> object:
        return value["it"]


async def test_W05_values_arrive_as_their_type_in_workflow_task_and_client(house: House) -> None:
    await house.open(Types, services=(Mirror(),))
    handle = await house.start(Types, everything(), Square(3.0), Money(5), id="t")

    await house.client.get(Types, id="t").inlet.send(everything().person)
    value, person = await handle.result(30)

    assert value == everything()
    assert kinds(value) == KINDS
    assert person == everything().person


class Order(pydantic.BaseModel):
    """Whose names on the wire are others, and which tells more of itself than it takes."""

    model_config = pydantic.ConfigDict(extra="forbid")
    order_id: UUID = pydantic.Field(alias="orderId")
    lines: dict[Colour, Box[Decimal]] = pydantic.Field(default_factory=dict[Colour, Box[Decimal]])
    wait: timedelta = timedelta(0)

    @pydantic.computed_field  # type: ignore[prop-decorator]
    @property
    def count(self) -> int:
        return len(self.lines)


class Refused(Exception):
    def __init__(self, order: Order, pets: list[Pet]) -> None:
        super().__init__("refused")
        self.order = order
        self.pets = pets


class Desk:
    async def take(self, orders: Box[list[Order]]) -> Box[list[Order]]:
        return orders

    async def refuse(self, order: Order) -> None:
        raise Refused(order, [Pet("Rex")])


@workflow.define
class Models:
    desk = workflow.service(Desk)

    async def run(self, orders: Box[list[Order]]) -> Box[list[Order]]:
        return await self.desk.take(orders)

    async def refused(self, order: Order) -> dict[str, Any]:
        try:
            await self.desk.refuse(order)
        except TaskFailed as error:
            return attributes_of(error.failure)
        return {}

    async def no_encoding(self) -> str:
        try:
            await workflow.task("Desk.refuse", {"order": object()})
        except EncodeError as error:
            return str(error)
        return ""


ORDER = Order(orderId=UUID(int=7), lines={Colour.RED: Box(Decimal("1.50"))}, wait=timedelta(hours=1))


async def test_W05_a_model_inside_of_generics_comes_back_with_aliases_and_computed_fields(house: House) -> None:
    await house.open(Models, services=(Desk(),))

    result = await house.call(Models, Box([ORDER]))

    assert result == Box([ORDER])
    assert type(result.content[0]) is Order


async def test_W05_attributes_of_an_exception_arrive_as_plain_data(house: House) -> None:
    await house.open(Models, services=(Desk(),))

    attributes = await house.call(Models, ORDER, method="refused")

    assert attributes["order"]["orderId"] == str(UUID(int=7))
    assert attributes["pets"] == [{"name": "Rex", "legs": 4}]


async def test_W05_what_has_no_encoding_is_refused_with_what_to_do(house: House) -> None:
    await house.open(Models, services=(Desk(),))

    text = await house.call(Models, method="no_encoding")

    assert "object cannot be encoded" in text
    assert "register_type()" in text


async def test_W05_a_single_value_comes_back_as_its_type(house: House) -> None:
    await house.open(Single)
    values: dict[str, Any] = {
        "model": everything().person,
        "hooked": Money(7),
        "nested": {"a": [Box(Pet("Rex", 3))]},
        "tagged": Circle(1.0),
        "number": Decimal("0.10"),
        "names": {"a"},
    }

    assert await house.call(Single, {"it": [1, "a", None]}, method="anything") == [1, "a", None]
    results = {method: await house.call(Single, value, method=method) for method, value in values.items()}

    assert results == values
    assert {method: type(value) for method, value in results.items()} == {m: type(v) for m, v in values.items()}
