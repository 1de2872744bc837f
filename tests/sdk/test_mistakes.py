"""Mistakes that newcomers make: each is told at once, and in words that say what to do."""

import asyncio
from collections.abc import Callable
from operator import and_, or_
from typing import Any, Protocol, cast

import pytest

from leveret import Client, LeveretError, service, workflow
from leveret_actors import Node
from leveret_broker.errors import ConfigurationError
from tests.sdk.fakes import FakeRuntime
from tests.sdk.shop import Booking, Cart

anything = cast("Any", workflow)
"""What types would refuse."""


class Post:
    async def send(self) -> None: ...


class Shop(Protocol):
    async def buy(self) -> None: ...


class Corner(Shop):
    async def buy(self) -> None: ...


class Super(Shop):
    async def buy(self) -> None: ...


@pytest.mark.parametrize(
    ("mistake", "advice"),
    [
        (
            lambda: anything.define("Order"),
            r"@workflow\.define decorates a class, not 'Order'; .*define\(name=\.\.\.\)",
        ),
        (lambda: cast("Any", service).define("Shop"), r"@service\.define decorates a class"),
        (lambda: cast("Any", service).task("buy"), r"@service\.task decorates a function"),
        (
            lambda: anything.define(timeout="3d")(Booking),
            "timeout must be a timedelta, or a number of seconds, not '3d'",
        ),
        (lambda: anything.service("Shop"), "'Shop' is not a service class: give the class"),
        (
            lambda: Node("memory://", services=[Corner(), Super()]),
            "service Shop is there twice, as Corner and as Super",
        ),
        (
            lambda: Node("memory://", services=[Booking]),
            r"Booking is a workflow: register it with workflows=\[\.\.\.\]",
        ),
        (lambda: Node("memory://", workflows=cast("Any", Booking)), r"Node\(workflows=\.\.\.\) takes a list"),
        (lambda: Node("memory://", services=cast("Any", Post())), r"Node\(services=\.\.\.\) takes a list"),
        (lambda: Client("memory://").get(Booking, id=cast("Any", 3)), "the instance's id 3 is not usable"),
        (lambda: Client("memory://").get(cast("Any", 3), id="b1"), "3 is not a workflow class: give the class"),
    ],
)
def test_what_cannot_work_is_refused_where_it_is_written(mistake: Callable[[], object], advice: str) -> None:
    with pytest.raises(ConfigurationError, match=advice):
        mistake()


def test_two_services_of_one_name_are_refused_when_functions_make_them() -> None:
    def made() -> Super:
        return Super()

    async def hosting() -> None:
        async with Node("memory://twice", services=[Corner(), made]):
            pass

    with pytest.raises(ConfigurationError, match="service Shop is there twice"):
        asyncio.run(hosting())


async def test_dispatch_takes_a_method_and_not_its_call(runtime: FakeRuntime) -> None:
    room = cast("Any", Booking.hotel.book(Cart(1)))

    with pytest.raises(LeveretError, match=r"dispatch\(stub\.method, \.\.\.\), without calling it"):
        workflow.dispatch(room)
    with pytest.raises(LeveretError, match=r"not Booking\.book itself: inside of its own workflow, await it"):
        workflow.dispatch(Booking().book, Cart(1))
    assert runtime.operations == []


async def test_an_await_that_binds_too_tight_is_told(runtime: FakeRuntime) -> None:
    room: Any = workflow.dispatch(Booking.hotel.book, Cart(1))
    value: Any = "room 7"
    call: Any = Booking.hotel.book(Cart(1))

    for operator, combine in (("|", or_), ("&", and_)):
        with pytest.raises(LeveretError, match=rf"write `await \(a \{operator} b\)`"):
            combine(value, room)
    with pytest.raises(LeveretError, match=r"workflow\.dispatch\(stub\.method, \.\.\.\) makes one"):
        or_(call, room)
    call.close()
    assert len(runtime.operations) == 1


def test_a_stub_that_starts_says_that_channels_come_later() -> None:
    stub = Client("memory://").new(Booking)

    assert repr(stub) == "<stub that starts Booking>"
    with pytest.raises(AttributeError, match=r"decisions is there once an instance runs: use get\(\.\.\.\) or all"):
        _ = stub.decisions
