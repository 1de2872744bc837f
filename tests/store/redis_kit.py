"""What the tests of the Redis store share."""

import contextlib
from collections.abc import AsyncGenerator
from typing import Any

from leveret_actors.store.contract import ActorWrite, Batch
from leveret_actors.store.redis import RedisStore
from leveret_broker.address import MailboxQueue

QUEUE = MailboxQueue("Booking", 7)


@contextlib.asynccontextmanager
async def opened(url: str, namespace: str, **options: Any) -> AsyncGenerator[RedisStore]:
    store = RedisStore(url, namespace, **options)
    await store.open(15)
    try:
        yield store
    finally:
        await store.close()


def write(actor: str, *records: bytes, **fields: Any) -> ActorWrite:
    given: dict[str, Any] = {"run": "r1", "status": "running", "state": b"s", "append": records, **fields}
    return ActorWrite(actor=actor, **given)


def batch(name: str, *actors: ActorWrite, **fields: Any) -> Batch:
    return Batch(id=name, actors=actors, **fields)


async def journal(store: RedisStore, actor: str, queue: MailboxQueue = QUEUE) -> list[bytes]:
    return await store.read_journal(queue, actor, 0, 1_000_000)
