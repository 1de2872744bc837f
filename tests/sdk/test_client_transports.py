import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from loguru import logger

from leveret import Client, WorkflowFailed
from leveret.sync import Client as BlockingClient
from leveret.transports import make_transport
from leveret.url import Url
from leveret_broker.address import MailboxQueue, ReplyQueue
from leveret_broker.codec import Codec
from leveret_broker.envelope import Answer, ClientCaller, Envelope, Start, decode, encode
from leveret_broker.errors import TransportClosed
from leveret_broker.ids import queue_index
from leveret_broker.outcome import Completed, Failed, Failure
from leveret_broker.transport import Subscription, Transport
from tests.sdk.scripted import ScriptedTransport
from tests.sdk.shop import Booking, BookingContract, Cart


def answer(envelope: Envelope) -> tuple[ClientCaller, Envelope]:
    assert isinstance(envelope.message, Start)
    caller = envelope.message.caller
    assert isinstance(caller, ClientCaller)
    rooms = Codec().load(envelope.message.arguments)["cart"]["rooms"]
    outcome = Completed(Codec().dump(f"{rooms} rooms")) if rooms else Failed(Failure("ValueError", "no rooms"))
    return caller, Envelope(caller.request, "", Answer(outcome))


async def serve(transport: Transport) -> None:
    """Be a node for the instance b1, once."""
    queue = MailboxQueue("Booking", queue_index("b1", await transport.mailbox_count("Booking", 8)))
    subscription = await transport.subscribe_mailbox(queue)
    deliveries = await subscription.take()
    for delivery in deliveries:
        for body in delivery.bodies:
            caller, reply = answer(decode(body))
            await transport.publish(ReplyQueue(caller.client), encode(reply))
    subscription.acknowledge(deliveries)
    await subscription.close()


@pytest.mark.parametrize("scheme", ["memory", "sqlite"])
async def test_a_client_reaches_a_node_through_its_url(scheme: str, tmp_path: Path, namespace: str) -> None:
    url = f"memory://{namespace}" if scheme == "memory" else f"sqlite:///{tmp_path}/a.db"
    node = make_transport(Url.parse(url))
    await node.open()
    serving = asyncio.create_task(serve(node))

    async with Client(url) as client:
        assert await client.new(BookingContract, id="b1").book(Cart(2)) == "2 rooms"

    await serving
    await node.close()


async def test_whoever_waits_for_the_reply_to_a_command_is_told_when_the_client_is_closed(namespace: str) -> None:
    async with Client(f"memory://{namespace}") as client:
        asking = asyncio.create_task(client.request("start.Nobody", timeout=None))
        for _ in range(50):  # until it has been sent
            await asyncio.sleep(0)

    async with asyncio.timeout(10):
        with pytest.raises(TransportClosed, match=r"reply to start\.Nobody: the client was closed"):
            await asking


def test_the_url_decides_on_the_transport() -> None:
    kinds = [type(make_transport(Url.parse(url))).__name__ for url in ("amqp://localhost", "memory://x")]

    assert kinds == ["RabbitTransport", "MemoryTransport"]


def test_a_client_shows_no_password() -> None:
    assert repr(Client("amqp://user:s3cret@rabbit")) == "<Client of amqp://user:***@rabbit?ns=leveret>"


def test_the_blocking_client_does_the_same() -> None:
    transport = ScriptedTransport()

    def node(envelope: Envelope) -> object:
        if isinstance(envelope.message, Start) and envelope.message.caller is None:
            return None
        caller = getattr(envelope.message, "caller", None)
        if isinstance(envelope.message, Start):
            caller, reply = answer(envelope)
            return caller.request, reply.message
        return None if caller is None else (caller.request, Answer(Completed(Codec().dump("later"))))

    transport.respond = node
    with BlockingClient(transport=transport) as client:
        booking = client.new(Booking, id="b1")
        assert client.run(booking.book(Cart(2))) == "2 rooms"
        with pytest.raises(WorkflowFailed, match="no rooms"):
            client.run(booking.book(Cart(0)))
        handle = client.dispatch(booking.book, Cart(1))
        assert (handle.id, handle.result()) == ("b1", "later")
        client.run(client.get(Booking, id="b1").live.send("x"))
        assert client.get("Booking", id="b1").result() == "later"
        handle.cancel()

    with pytest.raises(TransportClosed, match="with Client"):
        client.run(booking.book(Cart(2)))


def test_each_time_it_opens_a_client_has_an_address_of_its_own_so_that_forks_share_none() -> None:
    transport = ScriptedTransport()
    client = BlockingClient(transport=transport)

    for _ in range(2):
        with client:
            pass

    assert len(set(transport.clients)) == 2
    assert all(transport.clients)


def test_threads_that_open_it_together_share_one_connection() -> None:
    coming, all_came = threading.Semaphore(0), threading.Event()

    class Slow(ScriptedTransport):
        async def subscribe_replies(
            self, client: str, on_body: Callable[[bytes], None], on_restored: Callable[[], None]
        ) -> Subscription:
            await asyncio.to_thread(all_came.wait, 30)
            return await super().subscribe_replies(client, on_body, on_restored)

    transport = Slow()
    client = BlockingClient(transport=transport)

    def open_it() -> BlockingClient:
        coming.release()
        return client.open()

    with ThreadPoolExecutor(8) as threads:
        opening = [threads.submit(open_it) for _ in range(8)]
        assert all(coming.acquire(timeout=30) for _ in opening)
        all_came.set()
        assert [each.result(30) for each in opening] == [client] * 8
    client.close()

    assert len(transport.clients) == 1


def test_nothing_is_logged_unless_asked_for() -> None:
    found: list[str] = []
    sink = logger.add(lambda message: found.append(str(message)))
    transport = ScriptedTransport()
    with BlockingClient(transport=transport):
        assert transport.on_body is not None
        transport.on_body(b"garbage")
    logger.remove(sink)

    assert found == []
