"""Several processes around one file, some of them killed."""

import asyncio
from pathlib import Path

from leveret_actors.store.sqlite import SqliteStore
from leveret_broker.address import ReplyQueue
from leveret_broker.embedded.database import Database
from leveret_broker.embedded.sqlite import SqliteTransport
from leveret_broker.transport import Delivery, Subscription
from tests.embedded.child import MAILBOX, NAMESPACE, SERVICE
from tests.embedded.conftest import SECONDS, Spawn


async def take(subscription: Subscription, count: int) -> list[Delivery]:
    deliveries: list[Delivery] = []
    async with asyncio.timeout(SECONDS):
        while sum(len(delivery.bodies) for delivery in deliveries) < count:
            deliveries += await subscription.take()
    return deliveries


def bodies(deliveries: list[Delivery]) -> list[bytes]:
    return [body for delivery in deliveries for body in delivery.bodies]


async def test_a_killed_owner_hands_its_mailbox_to_the_next_in_order(transport: SqliteTransport, spawn: Spawn) -> None:
    sent = [b"%03d" % number for number in range(250)]
    child = await spawn("mailbox")
    await child.until("subscribed")
    subscription = await transport.subscribe_mailbox(MAILBOX)
    waiting = asyncio.create_task(take(subscription, 250))
    await asyncio.gather(*[transport.publish(MAILBOX, body) for body in sent])
    await child.until("took 250")
    assert not waiting.done()

    await child.kill()

    deliveries = await waiting
    assert bodies(deliveries) == sent
    assert all(delivery.redelivered for delivery in deliveries)


async def test_what_a_killed_owner_never_saw_is_not_redelivered(transport: SqliteTransport, spawn: Spawn) -> None:
    child = await spawn("mailbox")
    await child.until("subscribed")
    await transport.publish(MAILBOX, b"seen")
    await child.until("took 1")
    await child.kill()
    await transport.publish(MAILBOX, b"fresh")

    deliveries = await take(await transport.subscribe_mailbox(MAILBOX), 2)

    assert [(delivery.bodies, delivery.redelivered) for delivery in deliveries] == [
        ((b"seen",), True),
        ((b"fresh",), False),
    ]


async def test_who_waits_for_a_mailbox_comes_before_who_comes_back(transport: SqliteTransport, path: Path) -> None:
    other = SqliteTransport(Database(path), NAMESPACE)
    await other.open()
    for _ in range(10):
        active = await transport.subscribe_mailbox(MAILBOX)
        waiting = await other.subscribe_mailbox(MAILBOX)
        await active.close()
        again = await transport.subscribe_mailbox(MAILBOX)
        coming_back = asyncio.create_task(again.take())
        await asyncio.sleep(0)
        await transport.publish(MAILBOX, b"body")

        waiting.acknowledge(await take(waiting, 1))

        assert not coming_back.done()
        coming_back.cancel()
        await waiting.close()
        await again.close()
    await other.close()


async def test_a_killed_workers_tasks_go_to_another(transport: SqliteTransport, spawn: Spawn) -> None:
    child = await spawn("service")
    await child.until("subscribed")
    await transport.publish(SERVICE, b"task")
    await child.until("took 1")

    await child.kill()

    (delivery,) = await take(await transport.subscribe_service(SERVICE, 3), 1)
    assert (delivery.bodies, delivery.redelivered) == ((b"task",), True)


async def test_a_living_workers_tasks_stay_its_own(transport: SqliteTransport, spawn: Spawn) -> None:
    child = await spawn("service")
    await child.until("subscribed")
    await transport.publish(SERVICE, b"task")
    await child.until("took 1")
    other = await spawn("service")
    await other.until("subscribed")

    await other.kill()  # makes this process look for remains, and find them

    consumers = 2
    async with asyncio.timeout(SECONDS):
        while consumers > 1:
            await asyncio.sleep(0.05)
            depth = await transport.inspect(SERVICE)
            assert depth is not None
            consumers = depth.consumers
            assert (depth.messages, consumers > 0) == (0, True)


async def test_replies_cross_processes(transport: SqliteTransport, spawn: Spawn) -> None:
    child = await spawn("replies", "client-1")
    await child.until("subscribed")

    await transport.publish(ReplyQueue("client-2"), b"for nobody")
    await transport.publish(ReplyQueue("client-1"), b"hello")

    assert await child.line() == "heard hello"


async def test_a_reply_wakes_this_process_by_datagram(transport: SqliteTransport, spawn: Spawn) -> None:
    heard: asyncio.Queue[bytes] = asyncio.Queue()
    await transport.subscribe_replies("me", heard.put_nowait, lambda: None)

    await spawn("reply", "me")

    async with asyncio.timeout(SECONDS):
        assert await heard.get() == b"hello"


async def test_the_mail_of_a_killed_listener_is_removed(
    transport: SqliteTransport, database: Database, spawn: Spawn
) -> None:
    child = await spawn("replies", "client-1")
    await child.until("subscribed")

    await child.kill()
    await transport.publish(ReplyQueue("client-1"), b"too late")

    async with asyncio.timeout(SECONDS):
        while await database.read(lambda reading: reading.rows("SELECT 1 FROM consumers UNION ALL SELECT 1 FROM mail")):
            await asyncio.sleep(0.05)
    assert len(list(database.locks.glob("process.*"))) == 1


async def test_processes_that_publish_at_once_lose_nothing(transport: SqliteTransport, spawn: Spawn) -> None:
    subscription = await transport.subscribe_mailbox(MAILBOX)
    children = [await spawn("publish", prefix, "100") for prefix in "ab"]
    for child in children:
        child.go()

    found: list[bytes] = []
    while len(found) < 200:
        deliveries = await take(subscription, 1)
        found += bodies(deliveries)
        subscription.acknowledge(deliveries)

    for prefix in (b"a", b"b"):
        assert [body for body in found if body.startswith(prefix)] == [
            prefix + b"%06d" % number for number in range(100)
        ]


async def test_processes_that_race_for_a_queue_commit_only_in_their_epoch(path: Path, spawn: Spawn) -> None:
    children = [await spawn("commit", name, "60") for name in ("x", "y")]
    for child in children:
        await child.until("ready")
    for child in children:
        child.go()
    said = [await child.rest() for child in children]

    committed = {
        f"{name}-{line.split()[1]}".encode()
        for name, lines in zip("xy", said)
        for line in lines
        if line.startswith("committed")
    }
    refused = [line for lines in said for line in lines if line.startswith("refused")]
    assert {line.split()[2] for line in refused} <= {"StaleEpoch"}
    assert [lines[-1] for lines in said] == ["done", "done"]
    database = Database(path)
    store, transport = SqliteStore(database, NAMESPACE), SqliteTransport(database, NAMESPACE)
    await store.open()
    await transport.open()
    journal = await store.read_journal(MAILBOX, "a", 0, 1000)
    sent = bodies(await take(await transport.subscribe_service(SERVICE, 1000), len(committed)))
    assert (sorted(journal), sorted(sent)) == (sorted(committed), sorted(committed))
    assert len(committed) + len(refused) == 120
    await transport.close()
    await store.close()


async def test_a_process_killed_while_it_commits_leaves_whole_commits(path: Path, spawn: Spawn) -> None:
    child = await spawn("commit", "x", "100000")
    await child.until("ready")
    child.go()
    await child.until("committed 20")
    await child.kill()

    database = Database(path)
    store, transport = SqliteStore(database, NAMESPACE), SqliteTransport(database, NAMESPACE)
    await store.open()
    await transport.open()
    journal = await store.read_journal(MAILBOX, "a", 0, 100_000)
    sent = bodies(await take(await transport.subscribe_service(SERVICE, 100_000), len(journal)))
    assert journal == [b"x-%d" % number for number in range(len(journal))]
    assert sorted(sent) == sorted(journal)
    assert len(journal) >= 21
    await transport.close()
    await store.close()
