"""The store on Redis 6.2 or later."""

from __future__ import annotations

from typing import Final

from leveret_actors.store.redis.keys import Keys
from leveret_actors.store.redis.link import Link
from leveret_actors.store.redis.queues import QueueStore
from leveret_actors.store.redis.settings import Durability, parse
from leveret_actors.store.redis.shared import SharedStore
from leveret_broker.errors import StoreRefused

FORMAT: Final = 1
"""What the keys of `keys.py` look like; a namespace written by a later leveret is refused."""


class RedisStore(QueueStore, SharedStore):
    """A store on one Redis, on the master that sentinels name, or on a cluster.

        redis://[[user]:password@]host[:6379][/database]      rediss:// with TLS
        redis+cluster://host[:6379][,host…]                   or ?cluster=true, or found out by asking
        redis+sentinel://host[:26379][,host…]/mymaster        asks the sentinels for the master

    Query: `durability=relaxed` lets a Redis be used that syncs its file late or keeps none: a crash may lose work that
    was acknowledged. `replicas=N` makes each write wait until N replicas have it. All else is for redis-py (`ssl_…`).

    `deadline` is how many seconds a call may take, all its repetitions included.
    """

    def __init__(self, url: str, namespace: str, *, durability: Durability = "strict", deadline: float = 10.0) -> None:
        super().__init__(Link(parse(url, durability), deadline=deadline), Keys(namespace))

    async def open(self, deadline: float | None = None) -> None:
        """Connect and check; see `Store`."""
        await self._link.open(deadline)
        key = self._keys.shared("meta", "format")
        await self._link.call(key, "SETNX", key, FORMAT, as_type=int, writes=True)
        found = int(await self._link.call(key, "GET", key, as_type=bytes))
        if found > FORMAT:
            await self.close()
            text = f"this namespace is in format {found}, this leveret knows up to {FORMAT}: install a later one"
            raise StoreRefused(text)

    async def close(self) -> None:
        """Finish what is being written, then close."""
        await self._link.close()

    async def clock(self) -> float:
        """Return the time of Redis."""
        key = self._keys.shared("meta", "format")
        seconds, micros = await self._link.call(key, "TIME", as_type=tuple[bytes, bytes])
        return float(b"%b.%06d" % (seconds, int(micros)))
