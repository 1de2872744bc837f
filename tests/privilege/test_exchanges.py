"""Each role beside nodes at work: what it may do works, and all else is refused on the real exchanges and queues."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import aiormq
import pytest
from aiormq.abc import AbstractChannel, DeliveredMessage
from aiormq.exceptions import ChannelAccessRefused
from pamqp.commands import Basic

from leveret import Client
from leveret_actors import Node
from leveret_actors.permissions import Role
from tests.asyncapi.official import VALIDATORS
from tests.privilege.users import ROLES, SETTINGS, Car, Hotel, Trip, Users, refused

SECONDS = 30.0
EXCHANGES = ("mailbox", "service", "reply", "control", "events", "commands", "dead")
QUEUES = ("ingress", "dead", "mailbox.Trip.0", "service.Hotel", "service.Car", "events.audit")


class Deed(NamedTuple):
    """A call of a channel that a user must not make; `what` is the name that the broker's refusal tells."""

    what: str
    method: str
    arguments: dict[str, Any]


def publish(exchange: str) -> Deed:
    return Deed(exchange or "amq.default", "basic_publish", {"body": b"{}", "exchange": exchange, "routing_key": "x"})


def take(queue: str) -> Deed:
    return Deed(queue, "basic_get", {"queue": queue})


def bind(queue: str, exchange: str) -> Deed:
    return Deed(exchange, "queue_bind", {"queue": queue, "exchange": exchange, "routing_key": "#"})


def delete(kind: str, name: str) -> Deed:
    return Deed(name, f"{kind}_delete", {kind: name})


async def assert_refused(url: str, *deeds: Deed) -> None:
    for what, method, arguments in deeds:
        said = await refused(url, method, **arguments)
        assert f"'{what}'" in said, (method, arguments)


@asynccontextmanager
async def channel(url: str) -> AsyncGenerator[AbstractChannel]:
    connection = await aiormq.connect(url.partition("?")[0])
    try:
        yield await connection.channel()
    finally:
        await connection.close()


@pytest.fixture
async def names(users: Users) -> AsyncGenerator[str]:
    """The namespace of a node at work, with a dot behind it, and all of its queues."""
    node = Node(users.url("node"), workflows=[Trip], services=[Hotel(), Car()], settings=SETTINGS)
    async with node, channel(users.rabbit.url) as admin:
        await admin.queue_declare(f"{users.namespace}.events.audit", durable=True)
        await admin.queue_bind(f"{users.namespace}.events.audit", f"{users.namespace}.events", routing_key="workflow.#")
        yield f"{users.namespace}."


@pytest.fixture
async def neighbours(users: Users) -> AsyncGenerator[str]:
    """Another namespace, that begins with the same letters, with a node at work."""
    url = f"{users.rabbit.url}?ns={users.namespace}x&store={users.redis.url}"
    async with Node(url, workflows=[Trip], services=[Hotel()], settings=SETTINGS):
        yield f"{users.namespace}x."


async def test_who_publishes_commands_starts_a_workflow_and_can_do_nothing_else(users: Users, names: str) -> None:
    command = {"id": "c1", "arguments": {"room": "7"}, "tags": ["trip:1"]}
    properties = Basic.Properties(message_id="m1", content_type="application/json")
    async with channel(users.url("commands")) as mine, Client(users.url("client")) as client:
        confirmed = await mine.basic_publish(
            json.dumps(command).encode(), exchange=f"{names}commands", routing_key="start.Trip", properties=properties
        )
        # The router keeps the order: this start finds the instance that the first one made.
        again = await client.request("start.Trip", {"id": "c1", "arguments": {"room": "8"}}, timeout=SECONDS)

    assert isinstance(confirmed, Basic.Ack)
    assert again["value"] == "7 is booked"
    others = [name for name in EXCHANGES if name != "commands"]
    await assert_refused(
        users.url("commands"),
        *(publish(f"{names}{name}") for name in others),
        publish(""),
        *(take(f"{names}{name}") for name in QUEUES),
        Deed("own", "queue_declare", {"queue": "own"}),
        Deed(f"{names}more", "exchange_declare", {"exchange": f"{names}more"}),
        delete("exchange", f"{names}commands"),
        delete("queue", f"{names}ingress"),
    )


async def test_who_consumes_events_hears_what_happens_and_can_do_nothing_else(users: Users, names: str) -> None:
    own = f"{names}events.audit"
    async with Client(users.url("client")) as client, channel(users.url("events")) as mine:
        assert await client.new(Trip, id="e1").run("9") == "9 is booked"
        heard = await events_of("e1", mine, own)

    for event in heard:
        VALIDATORS["event"].validate(event)
    types = [event["type"].removeprefix("leveret.workflow.") for event in heard]
    assert types == ["dispatched", "taskDispatched", "taskCompleted", "methodCompleted", "completed"]
    await assert_refused(
        users.url("events"),
        *(publish(f"{names}{name}") for name in EXCHANGES),
        publish(""),
        *(take(f"{names}{name}") for name in QUEUES if name != "events.audit"),
        *(bind(own, f"{names}{name}") for name in EXCHANGES if name != "events"),
        Deed(f"{names}events.billing", "queue_declare", {"queue": f"{names}events.billing"}),
        delete("exchange", f"{names}events"),
    )


async def events_of(instance: str, mine: AbstractChannel, queue: str) -> list[dict[str, Any]]:
    """Return an instance's events, up to its completion."""
    coming: asyncio.Queue[bytes] = asyncio.Queue()

    async def hear(message: DeliveredMessage) -> None:
        coming.put_nowait(message.body)

    await mine.basic_consume(queue, hear, no_ack=True)
    found: list[dict[str, Any]] = []
    async with asyncio.timeout(SECONDS):
        while not (found and found[-1]["type"] == "leveret.workflow.completed"):
            event = json.loads(await coming.get())
            found += [event] if event["subject"] == instance else []
    return found


async def test_who_runs_a_service_reaches_no_command_no_event_and_no_other_queue(users: Users, names: str) -> None:
    async with Node(users.url("service"), services=[Hotel()], settings=SETTINGS):
        pass
    own = f"{names}service.Hotel"

    await assert_refused(
        users.url("service"),
        *(take(f"{names}{name}") for name in QUEUES if name not in {"dead", "service.Hotel"}),
        bind(own, f"{names}events"),
        Deed(f"{names}mailbox.Trip.1", "queue_declare", {"queue": f"{names}mailbox.Trip.1"}),
        Deed(f"{names}service.Car", "queue_declare", {"queue": f"{names}service.Car"}),
        delete("queue", f"{names}mailbox.Trip.0"),
    )


async def test_a_client_reaches_no_event_and_no_queue_of_others(users: Users, names: str) -> None:
    own = f"{names}reply.mine"
    async with channel(users.url("client")) as mine:
        await mine.queue_declare(own, exclusive=True)
        await assert_refused(
            users.url("client"),
            *(take(f"{names}{name}") for name in QUEUES if name != "dead"),
            *(publish(f"{names}{name}") for name in ("events", "reply")),
            publish(""),
            Deed(f"{names}service.Car", "queue_declare", {"queue": f"{names}service.Car"}),
            delete("queue", f"{names}events.audit"),
        )


@pytest.mark.parametrize(("role", "queue"), [("service", "control.mine"), ("client", "reply.mine")])
async def test_workers_and_clients_can_listen_to_commands_but_not_to_events(
    users: Users, names: str, role: Role, queue: str
) -> None:
    """RabbitMQ has one right for binding any queue to an exchange; the page says who can do what with it."""
    async with channel(users.url(role)) as mine:
        await mine.queue_declare(f"{names}{queue}", exclusive=True)
        await mine.queue_bind(f"{names}{queue}", f"{names}commands", routing_key="#")
        with pytest.raises(ChannelAccessRefused, match=f"{names}events"):
            await mine.queue_bind(f"{names}{queue}", f"{names}events", routing_key="#")


@pytest.mark.parametrize("role", [role for role, _ in ROLES])
async def test_nobody_reaches_another_namespace_at_work(users: Users, neighbours: str, role: Role) -> None:
    """The default exchange apart, for roles that answer: RabbitMQ cannot narrow it, and the page says so."""
    await assert_refused(
        users.url(role),
        *(publish(f"{neighbours}{name}") for name in EXCHANGES),
        *(take(f"{neighbours}{name}") for name in QUEUES if name not in {"service.Car", "events.audit"}),
        Deed(f"{neighbours}more", "queue_declare", {"queue": f"{neighbours}more"}),
        delete("exchange", f"{neighbours}commands"),
        delete("queue", f"{neighbours}ingress"),
    )


@pytest.mark.parametrize(("role", "queue"), [("node", "own"), ("events", "events.audit"), ("client", "reply.own")])
async def test_nobody_hears_what_another_namespace_says(users: Users, neighbours: str, role: Role, queue: str) -> None:
    async with channel(users.url(role)) as mine:
        own = f"{users.namespace}.{queue}"
        await mine.queue_declare(own, durable=True)
        await assert_refused(users.url(role), *(bind(own, f"{neighbours}{name}") for name in EXCHANGES))
