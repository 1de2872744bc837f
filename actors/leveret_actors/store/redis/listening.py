"""The part of the store on Redis that knows who listens."""

from __future__ import annotations

from abc import ABC
from collections.abc import Sequence

import msgspec

from leveret_actors.store.listening import ListenerStore
from leveret_actors.store.redis.keys import Keys
from leveret_actors.store.redis.link import Link

_encode = msgspec.msgpack.Encoder().encode
_patterns = msgspec.msgpack.Decoder(tuple[str, ...])


class RedisListeners(ListenerStore, ABC):
    """One hash."""

    _link: Link
    _keys: Keys

    async def note_listener(self, group: str, patterns: Sequence[str]) -> None:
        """Note what a group wants."""
        key = self._keys.shared("events", "listeners")
        await self._link.call(key, "HSET", key, group, _encode(tuple(patterns)), as_type=int, writes=True)

    async def forget_listener(self, group: str) -> bool:
        """Forget a group."""
        key = self._keys.shared("events", "listeners")
        return bool(await self._link.call(key, "HDEL", key, group, as_type=int, writes=True))

    async def listeners(self) -> dict[str, tuple[str, ...]]:
        """Return what the groups want."""
        key = self._keys.shared("events", "listeners")
        flat = await self._link.call(key, "HGETALL", key, as_type=list[bytes])
        return {group.decode(): _patterns.decode(data) for group, data in zip(flat[::2], flat[1::2], strict=True)}
