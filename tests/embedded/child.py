"""A process of its own that uses a database: `python -m tests.embedded.child <what> <file> …`; ends by its stdin."""

import asyncio
import sys

from leveret_actors.store.contract import ActorWrite, Batch, Outgoing
from leveret_actors.store.sqlite import SqliteStore
from leveret_broker.address import MailboxQueue, ReplyQueue, ServiceQueue
from leveret_broker.embedded.database import Database
from leveret_broker.embedded.sqlite import SqliteTransport
from leveret_broker.transport import Subscription

NAMESPACE = "test"
MAILBOX = MailboxQueue("Booking", 0)
SERVICE = ServiceQueue("Hotel")


def say(text: str) -> None:
    print(text, flush=True)


async def hold(subscription: Subscription) -> None:
    """Take, tell, and never acknowledge."""
    say("subscribed")
    while True:
        deliveries = await subscription.take()
        say(f"took {sum(len(delivery.bodies) for delivery in deliveries)}")


async def commit(database: Database) -> None:
    """Race for a queue: take over and commit, again and again; each commit journals and publishes its own number."""
    store = SqliteStore(database, NAMESPACE)
    await store.open()
    name = sys.argv[3]
    say("ready")
    await asyncio.to_thread(sys.stdin.readline)
    for number in range(int(sys.argv[4])):
        epoch = (await store.take_over(MAILBOX, name)).epoch
        body = f"{name}-{number}".encode()
        write = ActorWrite(actor="a", run="r", status="running", state=body, append=(body,))
        await asyncio.sleep(0)
        try:
            await store.commit(
                MAILBOX, epoch, Batch(id=body.decode(), actors=(write,), outbox=(Outgoing(SERVICE, body),))
            )
        except Exception as error:
            say(f"refused {number} {type(error).__name__}")
        else:
            say(f"committed {number}")
    say("done")
    await store.close()


async def main() -> None:
    what = sys.argv[1]
    database = Database(sys.argv[2])
    transport = SqliteTransport(database, NAMESPACE)
    await transport.open(20)
    if what == "mailbox":
        await hold(await transport.subscribe_mailbox(MAILBOX))
    elif what == "service":
        await hold(await transport.subscribe_service(SERVICE, 10))
    elif what == "replies":
        await transport.subscribe_replies(sys.argv[3], lambda body: say(f"heard {body.decode()}"), lambda: None)
        say("subscribed")
        await asyncio.Event().wait()
    elif what == "reply":
        await transport.publish(ReplyQueue(sys.argv[3]), b"hello")
        await transport.close()
    elif what == "publish":
        await asyncio.to_thread(sys.stdin.readline)
        for number in range(int(sys.argv[4])):
            await transport.publish(MAILBOX, f"{sys.argv[3]}{number:06}".encode())
        await transport.close()
    elif what == "commit":
        await commit(database)
        await transport.close()


if __name__ == "__main__":
    asyncio.run(main())
