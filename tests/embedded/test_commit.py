"""A commit of the SQLite store acknowledges and sends in its own transaction."""

import asyncio

import pytest

from leveret_actors.store.contract import ActorWrite, Batch, Outgoing
from leveret_actors.store.sqlite import SqliteStore
from leveret_broker.address import MailboxQueue, ReplyQueue
from leveret_broker.embedded.database import Database
from leveret_broker.embedded.sqlite import SqliteTransport
from leveret_broker.errors import StaleEpoch
from tests.embedded.child import MAILBOX, NAMESPACE, SERVICE
from tests.embedded.conftest import SECONDS

OTHER = MailboxQueue("Payment", 1)


@pytest.fixture
async def store(database: Database, transport: SqliteTransport) -> SqliteStore:
    store = SqliteStore(database, NAMESPACE)
    await store.open()
    return store


def turn(number: int, tag: int) -> Batch:
    out = (
        Outgoing(SERVICE, b"task"),
        Outgoing(OTHER, b"first"),
        Outgoing(OTHER, b"second"),
        Outgoing(ReplyQueue("client"), b"answer"),
    )
    write = ActorWrite(actor="a", run="r", status="running", state=b"")
    return Batch(id=f"batch-{number}", actors=(write,), outbox=out, acknowledged=(tag,))


async def test_a_commit_is_everything(store: SqliteStore, transport: SqliteTransport) -> None:
    heard: asyncio.Queue[bytes] = asyncio.Queue()
    await transport.subscribe_replies("client", heard.put_nowait, lambda: None)
    mailbox, other = await transport.subscribe_mailbox(MAILBOX), await transport.subscribe_mailbox(OTHER)
    tasks = await transport.subscribe_service(SERVICE, 10)
    receiving = [asyncio.create_task(one.take()) for one in (other, tasks)]
    await transport.publish(MAILBOX, b"one")
    await transport.publish(MAILBOX, b"two")
    (first, _) = await mailbox.take()
    epoch = (await store.take_over(MAILBOX, "node")).epoch

    for _ in range(2):  # the second is a repetition
        await store.commit(MAILBOX, epoch, turn(1, first.tag))

    async with asyncio.timeout(SECONDS):
        assert [delivery.bodies for delivery in await receiving[0]] == [(b"first", b"second")]
        assert [delivery.bodies for delivery in await receiving[1]] == [(b"task",)]
        assert await heard.get() == b"answer"
        await mailbox.close()
        again = await (await transport.subscribe_mailbox(MAILBOX)).take()
    assert [delivery.bodies for delivery in again] == [(b"two",)]
    assert heard.empty()
    await store.close()


async def test_a_refused_commit_acknowledges_and_sends_nothing(store: SqliteStore, transport: SqliteTransport) -> None:
    mailbox = await transport.subscribe_mailbox(MAILBOX)
    await transport.publish(MAILBOX, b"one")
    (first,) = await mailbox.take()
    epoch = (await store.take_over(MAILBOX, "node-1")).epoch
    await store.take_over(MAILBOX, "node-2")

    with pytest.raises(StaleEpoch):
        await store.commit(MAILBOX, epoch, turn(1, first.tag))

    assert await transport.inspect(SERVICE) is None
    assert await transport.inspect(OTHER) is None
    await mailbox.close()
    async with asyncio.timeout(SECONDS):
        again = await (await transport.subscribe_mailbox(MAILBOX)).take()
    assert [delivery.bodies for delivery in again] == [(b"one",)]
    await store.close()
