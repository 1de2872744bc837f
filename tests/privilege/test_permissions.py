"""Users of RabbitMQ and Redis who may do what their role needs, in their namespace, and nothing else."""

from __future__ import annotations

import aiormq
import pytest

from leveret import Client
from leveret_actors import Node
from leveret_actors.permissions import NOTHING, Role, grants
from leveret_broker.errors import BrokerRefused, ConfigurationError, StoreRefused
from tests.privilege.users import SETTINGS, Car, Hotel, Trip, Users, refused


async def test_a_node_a_worker_and_a_client_do_their_work_with_no_more_than_their_role(users: Users) -> None:
    async with (
        Node(users.url("node"), workflows=[Trip], settings=SETTINGS),
        Node(users.url("service"), services=[Hotel()], settings=SETTINGS),
        Client(users.url("client")) as client,
    ):
        assert await client.new(Trip).run("7") == "7 is booked"
        assert await client.service(Hotel).book("8") == "8 is booked"


async def test_a_worker_reaches_neither_other_services_nor_workflows(users: Users) -> None:
    namespace = users.namespace
    async with Node(users.url("node"), workflows=[Trip], services=[Car()], settings=SETTINGS):
        for queue in (f"{namespace}.service.Car", f"{namespace}.mailbox.Trip.0"):
            said = await refused(users.url("service"), "basic_get", queue)
            assert queue in said
    with pytest.raises(BrokerRefused, match=rf"{namespace}\.service\.Car.*leveret permissions"):
        await Node(users.url("service"), services=[Car()], settings=SETTINGS).run()


async def test_a_client_cannot_take_what_others_sent(users: Users) -> None:
    async with Node(users.url("node"), workflows=[Trip], services=[Hotel()], settings=SETTINGS):
        for queue in ("service.Hotel", "mailbox.Trip.0"):
            name = f"{users.namespace}.{queue}"
            said = await refused(users.url("client"), "basic_get", name)
            assert name in said


async def test_who_publishes_commands_can_do_nothing_else(users: Users) -> None:
    url, exchange = users.url("commands"), f"{users.namespace}.commands"
    admin = await aiormq.connect(users.rabbit.url)
    await (await admin.channel()).exchange_declare(exchange, exchange_type="topic", durable=True)
    mine = await aiormq.connect(url.partition("?")[0])

    await (await mine.channel()).basic_publish(b"{}", exchange=exchange, routing_key="start.Trip")

    for other in ("mailbox", "service", "events"):
        name = f"{users.namespace}.{other}"
        await (await admin.channel()).exchange_declare(
            name, exchange_type="topic" if other == "events" else "direct", durable=True
        )
        assert name in await refused(url, "basic_publish", b"", exchange=name)
    assert "amq.default" in await refused(url, "basic_publish", b"", routing_key="x")
    assert "own" in await refused(url, "queue_declare", "own")
    await mine.close()
    await admin.close()


async def test_who_consumes_events_has_queues_of_its_own_and_publishes_nothing(users: Users) -> None:
    url, exchange = users.url("events"), f"{users.namespace}.events"
    admin = await aiormq.connect(users.rabbit.url)
    channel = await admin.channel()
    await channel.exchange_declare(exchange, exchange_type="topic", durable=True)
    mine = await aiormq.connect(url.partition("?")[0])
    own = await mine.channel()
    await own.queue_declare(f"{exchange}.audit", durable=True)
    await own.queue_bind(f"{exchange}.audit", exchange, routing_key="workflow.#")

    await channel.basic_publish(b"{}", exchange=exchange, routing_key="workflow.Trip.completed")

    assert (await own.basic_get(f"{exchange}.audit")).body == b"{}"
    assert exchange in await refused(url, "basic_publish", b"", exchange=exchange)
    assert "billing" in await refused(url, "queue_declare", f"{exchange}.billing")
    await mine.close()
    await admin.close()


@pytest.mark.parametrize("role", ["node", "client"])
async def test_namespaces_cannot_reach_each_other(users: Users, role: Role) -> None:
    other = f"{users.namespace}x"  # begins with the same letters
    with pytest.raises(BrokerRefused, match=f"{other}.*leveret permissions"):
        async with Client(users.url(role, other).partition("&store")[0]):
            pass


async def test_the_store_of_another_namespace_is_refused(users: Users) -> None:
    admin = f"amqp://guest:guest@127.0.0.1:{users.rabbit.port}/?ns={users.namespace}x"
    store = users.url("node").partition("&store=")[2]
    with pytest.raises(StoreRefused):
        async with Node(f"{admin}&store={store}", workflows=[Trip], settings=SETTINGS):
            pass


def test_patterns_are_for_one_namespace_and_its_names() -> None:
    found = grants("service", "a.b", ["Hotel.v1"])

    assert found.read.startswith(r"^a\.b\.(")
    assert r"service\.(Hotel\.v1)(@(high|low))?$" in found.read
    assert grants("commands", "a") == type(found)(NOTHING, r"^a\.(commands$)", NOTHING)
    with pytest.raises(ConfigurationError, match="--service"):
        grants("service", "a")
    with pytest.raises(ConfigurationError, match="--group"):
        grants("events", "a")
