"""The part of the store on Redis that holds services back."""

from __future__ import annotations

from abc import ABC
from collections.abc import Sequence

from leveret_actors.store.redis import scripts
from leveret_actors.store.redis.keys import Keys
from leveret_actors.store.redis.link import Link
from leveret_actors.store.redis.wire import Argument
from leveret_actors.store.restraints import Draw, Drawn, Entered, Entry, RestraintStore, Seat, bucket_of


class RedisRestraints(RestraintStore, ABC):
    """All buckets share one hash tag: a script may touch many."""

    _link: Link
    _keys: Keys

    async def draw(self, draws: Sequence[Draw]) -> list[Drawn]:
        """Take tokens; see `RestraintStore`."""
        if not draws:
            return []
        keys = [self._bucket(one.bucket) for one in draws]
        flat: list[Argument] = [part for one in draws for part in (one.count, repr(one.rate), one.most)]
        rows = await self._link.run(scripts.DRAW, keys, flat, as_type=list[tuple[int, bytes]])
        return [Drawn(count, float(wait)) for count, wait in rows]

    async def enter(self, entries: Sequence[Entry], leaving: Sequence[Seat], seconds: float) -> list[Entered]:
        """Give up and take seats; see `RestraintStore`."""
        if not entries and not leaving:
            return []
        keys = [key for one in entries for key in (self._room(one.room), self._bucket(bucket_of(one.room)))]
        flat: list[Argument] = [repr(seconds), len(entries)]
        flat += [part for one in entries for part in (one.seat, one.seats, repr(one.rate), one.most)]
        keys += [self._room(one.room) for one in leaving]
        flat += [one.seat for one in leaving]
        rows = await self._link.run(scripts.ENTER, keys, flat, as_type=list[tuple[int, bytes]])
        return [Entered(bool(inside), float(wait)) for inside, wait in rows]

    async def stay(self, seats: Sequence[Seat], seconds: float) -> None:
        """Keep seats; see `RestraintStore`."""
        if seats:
            keys = [self._room(one.room) for one in seats]
            await self._link.run(scripts.STAY, keys, [repr(seconds), *[one.seat for one in seats]], as_type=int)

    def _room(self, name: str) -> str:
        return self._keys.shared("services", f"room:{name}")

    def _bucket(self, name: str) -> str:
        return self._keys.shared("services", f"bucket:{name}")

    async def pause(self, service: str, *, paused: bool) -> bool:
        """Pause a service, or have it go on."""
        key = self._keys.shared("services", "paused")
        command = "SADD" if paused else "SREM"
        return bool(await self._link.call(key, command, key, service, as_type=int, writes=True))

    async def paused(self) -> set[str]:
        """Return who is paused."""
        key = self._keys.shared("services", "paused")
        return {name.decode() for name in await self._link.call(key, "SMEMBERS", key, as_type=list[bytes])}
