"""What only RabbitMQ can do to us."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncGenerator, AsyncIterator, Iterator

import aiormq
import pytest
from loguru import logger

from leveret_broker.address import MailboxQueue, ServiceQueue
from leveret_broker.errors import (
    BrokerRefused,
    BrokerUnavailable,
    PublishFailed,
    SubscriptionLost,
    TransportClosed,
    TransportError,
)
from leveret_broker.rabbitmq import RabbitTransport
from leveret_broker.rabbitmq.topology import Topology
from leveret_broker.transport import Subscription, Transport
from tests.servers import RabbitServer
from tests.transport.harness import bodies, confirmed, consume, numbered, of_sender, soon, take

QUEUE = MailboxQueue("Booking", 0)
SERVICE = ServiceQueue("Hotel")


@pytest.fixture
async def transport(rabbit: RabbitServer, namespace: str) -> AsyncIterator[RabbitTransport]:
    async with opened(rabbit.url, namespace) as transport:
        yield transport


@contextlib.asynccontextmanager
async def opened(url: str, namespace: str) -> AsyncGenerator[RabbitTransport]:
    transport = RabbitTransport(url, namespace)
    await transport.open(20)
    try:
        yield transport
    finally:
        await transport.close()


@pytest.fixture
async def by_hand(rabbit: RabbitServer) -> AsyncIterator[aiormq.abc.AbstractChannel]:
    """A channel of somebody else."""
    async with aiormq.connect(rabbit.url) as connection:
        yield await connection.channel()


@pytest.fixture
def lines() -> Iterator[list[str]]:
    """What is logged from INFO on."""
    logger.enable("leveret_broker")
    found: list[str] = []
    sink = logger.add(lambda message: found.append(message.record["message"]), level="INFO")
    yield found
    logger.remove(sink)
    logger.disable("leveret_broker")


async def age(server: RabbitServer, namespace: str) -> None:
    """Declare the queues of the tests and let the broker write down that they exist.

    RabbitMQ 3.10 forgets a quorum queue, with all that it has confirmed, when it is killed within about a second after
    the declaration (its register of Raft members is written late); nobody outside can know when that has passed.
    """
    async with opened(server.url, namespace) as transport:
        await (await transport.subscribe_mailbox(QUEUE)).close()
        await confirmed(transport, [transport.publish(SERVICE, b"late", delay=2)])
        worker = await transport.subscribe_service(SERVICE, 1)
        assert await consume(worker, 1) == [b"late"]
    await asyncio.to_thread(server.restart)


async def resubscribe(transport: Transport, queue: MailboxQueue) -> Subscription:
    while True:
        try:
            return await transport.subscribe_mailbox(queue)
        except (BrokerUnavailable, SubscriptionLost):
            await asyncio.sleep(0.05)


# -- refusals ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (("guest:guest", "guest:wrong"), "ACCESS_REFUSED"),
        (("/?", "/nowhere?"), "vhost nowhere not found"),
        (("amqp:", "amqps:"), "certificates"),
    ],
    ids=["password", "vhost", "tls"],
)
async def test_a_permanent_refusal_ends_the_waiting_at_once_and_is_not_logged_beside(
    rabbit: RabbitServer, namespace: str, change: tuple[str, str], word: str, lines: list[str]
) -> None:
    transport = RabbitTransport(f"{rabbit.url}?heartbeat=5".replace(*change), namespace)

    with pytest.raises(BrokerRefused, match=word) as raised:
        await soon(transport.open(), 10)

    assert "guest:" not in str(raised.value).replace("guest:***", "")
    assert lines == []


async def test_a_queue_with_other_arguments_is_refused_with_advice(
    transport: RabbitTransport, namespace: str, by_hand: aiormq.abc.AbstractChannel
) -> None:
    await by_hand.queue_declare(Topology(namespace).queue_name(QUEUE), durable=True)

    with pytest.raises(BrokerRefused, match="another namespace"):
        await soon(transport.subscribe_mailbox(QUEUE))
    with pytest.raises(PublishFailed, match="another namespace"):
        await soon(transport.publish(QUEUE, b"body"))

    await confirmed(transport, [transport.publish(SERVICE, b"others go on")])


# -- the way there ----------------------------------------------------------------------------------------------------


async def test_a_broker_that_is_not_up_is_waited_for_until_the_deadline(namespace: str, lines: list[str]) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        transport = RabbitTransport(f"amqp://127.0.0.1:{nobody.getsockname()[1]}/", namespace)

        with pytest.raises(BrokerUnavailable):
            await soon(transport.open(1.5), 5)

    assert len(lines) >= 2
    for attempt, line in enumerate(lines[:-1], start=1):
        assert f"attempt {attempt}," in line


@pytest.mark.kills_servers
async def test_a_broker_that_comes_up_late_is_used(own_rabbit: RabbitServer, namespace: str, lines: list[str]) -> None:
    await asyncio.to_thread(own_rabbit.stop)
    transport = RabbitTransport(own_rabbit.url, namespace)
    opening = asyncio.create_task(transport.open())
    early = transport.publish(QUEUE, b"early")

    await asyncio.to_thread(own_rabbit.start)
    await soon(opening, 30)

    await soon(early)
    assert await consume(await transport.subscribe_mailbox(QUEUE), 1) == [b"early"]
    assert all(f"attempt {attempt}," in line for attempt, line in enumerate(lines, start=1))
    await transport.close()


async def test_an_opening_transport_can_be_closed(namespace: str) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        transport = RabbitTransport(f"amqp://127.0.0.1:{nobody.getsockname()[1]}/", namespace)
        opening = asyncio.create_task(transport.open())
        publish = transport.publish(QUEUE, b"body")
        await asyncio.sleep(0)

        await soon(transport.close())

        with pytest.raises(TransportClosed):
            await soon(opening)
        with pytest.raises(TransportClosed):
            await soon(publish)


# -- losses -----------------------------------------------------------------------------------------------------------


async def test_closed_connections_come_back_with_all_that_was_under_way(rabbit: RabbitServer, namespace: str) -> None:
    async with opened(rabbit.url, namespace) as transport:
        heard: asyncio.Queue[bytes] = asyncio.Queue()
        restored = asyncio.Event()
        await transport.subscribe_replies("client", heard.put_nowait, restored.set)
        subscription = await transport.subscribe_mailbox(QUEUE)
        await confirmed(transport, [transport.publish(QUEUE, b"before")])
        held = await take(subscription, 1)

        taking = asyncio.create_task(subscription.take())
        await asyncio.to_thread(rabbit.ctl, "close_all_connections", "test")
        publish = transport.publish(QUEUE, b"after")

        with pytest.raises(SubscriptionLost):
            await soon(taking)
        assert subscription.lost
        subscription.acknowledge(held)
        await soon(publish)
        await soon(restored.wait())
        assert await consume(await resubscribe(transport, QUEUE), 2) == [b"before", b"after"]


async def test_a_deleted_queue_is_lost_and_made_again(
    transport: RabbitTransport, namespace: str, by_hand: aiormq.abc.AbstractChannel
) -> None:
    subscription = await transport.subscribe_mailbox(QUEUE)
    taking = asyncio.create_task(subscription.take())

    await by_hand.queue_delete(Topology(namespace).queue_name(QUEUE))

    with pytest.raises(SubscriptionLost):
        await soon(taking)
    await confirmed(transport, [transport.publish(QUEUE, b"body")])
    assert await consume(await transport.subscribe_mailbox(QUEUE), 1) == [b"body"]


async def test_a_deleted_exchange_is_made_again(
    transport: RabbitTransport, namespace: str, by_hand: aiormq.abc.AbstractChannel
) -> None:
    subscription = await transport.subscribe_mailbox(QUEUE)
    await by_hand.exchange_delete(Topology(namespace).mailbox_exchange)

    await confirmed(transport, [transport.publish(QUEUE, body) for body in numbered("n", 300)])

    assert await consume(subscription, 300) == numbered("n", 300)


async def _send_all(transport: Transport, queue: MailboxQueue, name: str, count: int, sent: list[bytes]) -> None:
    """Publish in small groups, noting what is confirmed."""
    pending: list[tuple[bytes, asyncio.Future[None]]] = []
    for number, body in enumerate(numbered(name, count)):
        pending.append((body, transport.publish(queue, body)))
        if number % 20 == 19:
            await asyncio.wait([pending[-1][1]], timeout=0.01)
    for body, publish in pending:
        await soon(publish, 60)
        sent.append(body)


async def _receive_all(transport: Transport, queue: MailboxQueue, last: set[bytes], found: list[bytes]) -> None:
    """Consume over losses until the last body of every sender came."""
    subscription = await resubscribe(transport, queue)
    while not last <= set(found[-5000:]):
        try:
            deliveries = await subscription.take()
        except SubscriptionLost:
            subscription = await resubscribe(transport, queue)
            continue
        found += bodies(deliveries)
        subscription.acknowledge(deliveries)


@pytest.mark.kills_servers
async def test_a_killed_broker_loses_nothing_confirmed_and_no_order(own_rabbit: RabbitServer, namespace: str) -> None:
    await age(own_rabbit, namespace)
    async with (
        opened(own_rabbit.url, namespace) as first,
        opened(own_rabbit.url, namespace) as second,
        opened(own_rabbit.url, namespace) as receiver,
    ):
        found: list[bytes] = []
        sent: dict[str, list[bytes]] = {"a": [], "b": []}
        last = {numbered(name, 4000)[-1] for name in sent}
        receiving = asyncio.create_task(_receive_all(receiver, QUEUE, last, found))
        sending = [
            asyncio.create_task(_send_all(transport, QUEUE, name, 4000, sent[name]))
            for name, transport in (("a", first), ("b", second))
        ]

        while len(found) < 1000:
            await asyncio.sleep(0.01)
        await asyncio.to_thread(own_rabbit.kill)
        await asyncio.to_thread(own_rabbit.start)
        await soon(asyncio.gather(receiving, *sending), 90)

        for name, confirmed_bodies in sent.items():
            assert list(dict.fromkeys(of_sender(found, name))) == confirmed_bodies == numbered(name, 4000)


@pytest.mark.slow
@pytest.mark.kills_servers
async def test_tasks_survive_a_killed_broker_on_the_delay_ladder(own_rabbit: RabbitServer, namespace: str) -> None:
    await age(own_rabbit, namespace)
    async with opened(own_rabbit.url, namespace) as transport:
        tasks = numbered("n", 200)
        await confirmed(transport, [transport.publish(SERVICE, body, delay=2) for body in tasks])

        await asyncio.to_thread(own_rabbit.kill)
        await asyncio.to_thread(own_rabbit.start)

        found: set[bytes] = set()
        while found < set(tasks):
            with contextlib.suppress(TransportError):
                worker = await soon(transport.subscribe_service(SERVICE, 50))
                while found < set(tasks):
                    deliveries = await soon(worker.take())
                    found.update(bodies(deliveries))
                    worker.acknowledge(deliveries)
        assert found == set(tasks)


@pytest.mark.kills_servers
async def test_a_hung_broker_is_given_up_by_its_missing_heartbeats(own_rabbit: RabbitServer, namespace: str) -> None:
    async with opened(f"{own_rabbit.url}?heartbeat=1", namespace) as transport:
        subscription = await transport.subscribe_mailbox(QUEUE)
        await confirmed(transport, [transport.publish(QUEUE, b"before")])
        assert await consume(subscription, 1) == [b"before"]

        own_rabbit.pause()
        try:
            publishes = [transport.publish(QUEUE, body) for body in numbered("n", 300)]
            with pytest.raises(SubscriptionLost):
                await soon(subscription.take())
        finally:
            own_rabbit.resume()

        await soon(asyncio.gather(*publishes), 40)
        found: list[bytes] = []
        await soon(_receive_all(transport, QUEUE, {numbered("n", 300)[-1]}, found))
        assert list(dict.fromkeys(of_sender(found, "n"))) == numbered("n", 300)


# -- a broker without memory ------------------------------------------------------------------------------------------


@pytest.mark.kills_servers
async def test_a_memory_alarm_holds_publishes_and_taking_until_it_is_over(
    own_rabbit: RabbitServer, namespace: str
) -> None:
    async with opened(own_rabbit.url, namespace) as transport:
        subscription = await transport.subscribe_mailbox(QUEUE)
        await confirmed(transport, [transport.publish(QUEUE, b"before")])

        await asyncio.to_thread(own_rabbit.ctl, "set_vm_memory_high_watermark", "0.00001")
        publishes = [transport.publish(QUEUE, body) for body in numbered("n", 50)]
        while not transport.blocked:
            await asyncio.sleep(0.01)
        taking = asyncio.create_task(subscription.take())
        assert await soon(transport.inspect(QUEUE)) is not None
        assert not any(publish.done() for publish in publishes)
        assert not taking.done()
        await asyncio.to_thread(own_rabbit.ctl, "set_vm_memory_high_watermark", "0.6")

        await confirmed(transport, publishes)
        first = bodies(await soon(taking))
        assert first + await consume(subscription, 51 - len(first)) == [b"before", *numbered("n", 50)]
        assert not transport.blocked


# -- dead letters -----------------------------------------------------------------------------------------------------


async def test_an_unreadable_parcel_is_dead_lettered_alone(
    transport: RabbitTransport, namespace: str, by_hand: aiormq.abc.AbstractChannel
) -> None:
    subscription = await transport.subscribe_mailbox(QUEUE)
    exchange = Topology(namespace).mailbox_exchange
    await confirmed(transport, [transport.publish(QUEUE, b"good")])
    await by_hand.basic_publish(b"\xffgarbage", exchange=exchange, routing_key=str(QUEUE))
    await confirmed(transport, [transport.publish(QUEUE, b"good too")])

    deliveries = await take(subscription, 2)
    (letter,) = await take(await transport.subscribe_dead_letters(), 1)

    assert [delivery.bodies for delivery in deliveries] == [(b"good",), (), (b"good too",)]
    assert letter.bodies == (b"\xffgarbage",)
    assert letter.reason.startswith("not a parcel")
    assert letter.source == str(QUEUE)


# -- what we write ----------------------------------------------------------------------------------------------------


async def test_arguments_of_queues_are_those_of_this_format(
    transport: RabbitTransport, rabbit: RabbitServer, namespace: str
) -> None:
    await (await transport.subscribe_mailbox(QUEUE)).close()
    await confirmed(transport, [transport.publish(SERVICE, b"late", delay=5)])

    listing = await asyncio.to_thread(rabbit.ctl, "list_queues", "name", "type", "durable", "arguments", "--silent")
    queues = {line.split("\t")[0]: line.split("\t")[1:] for line in listing.splitlines() if line.startswith(namespace)}

    common = ['"x-dead-letter-strategy","at-least-once"', '"x-overflow","reject-publish"']
    expected = {
        "mailbox.Booking.0": [*common, '"x-single-active-consumer",true', '"x-delivery-limit",1000000'],
        "ingress": [*common, '"x-single-active-consumer",true', '"x-delivery-limit",1000000'],
        "service.Hotel": [*common, '"x-delivery-limit",20', f'"x-dead-letter-exchange","{namespace}.dead"'],
        "delay.4000ms": [*common, '"x-message-ttl",4000', f'"x-dead-letter-exchange","{namespace}.service"'],
        "dead": ['"x-delivery-limit",1000000'],
    }
    assert set(queues) == {f"{namespace}.{name}" for name in expected}
    for name, arguments in expected.items():
        kind, durable, text = queues[f"{namespace}.{name}"]
        assert (kind, durable) == ("quorum", "true")
        assert [argument for argument in arguments if argument not in text] == []
