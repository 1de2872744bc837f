"""What belongs to no mailbox queue, in Redis: nodes, notes about tasks, dead letters."""

from __future__ import annotations

import asyncio
import math
from abc import ABC
from collections.abc import Sequence

import msgspec

from leveret_actors.store.contract import DeadLetter, NodeRow, Store
from leveret_actors.store.redis import scripts
from leveret_actors.store.redis.keys import Keys
from leveret_actors.store.redis.leases import RedisLeases
from leveret_actors.store.redis.link import Link
from leveret_actors.store.redis.listening import RedisListeners
from leveret_actors.store.redis.outcomes import RedisOutcomes
from leveret_actors.store.redis.restraints import RedisRestraints
from leveret_broker.address import MailboxQueue
from leveret_broker.ids import lives_of

_encode = msgspec.msgpack.Encoder().encode
_info = msgspec.msgpack.Decoder(dict[str, str])
_letter = msgspec.msgpack.Decoder(DeadLetter)


class SharedStore(RedisLeases, RedisListeners, RedisOutcomes, RedisRestraints, Store, ABC):
    """The part of the contract that is about the whole namespace."""

    _link: Link
    _keys: Keys

    # -- nodes --------------------------------------------------------------------------------------------------------

    async def heartbeat(self, node: str, info: dict[str, str], *, lifetime: float) -> None:
        """Say that a node lives, or (0) that it does not any more."""
        key = self._keys.shared("nodes", "until")
        await self._link.run(scripts.HEARTBEAT, [key], [node, repr(lifetime), _encode(info)], as_type=int)

    async def nodes(self) -> list[NodeRow]:
        """Return the living nodes, by name."""
        key = self._keys.shared("nodes", "until")
        rows = await self._link.run(scripts.NODES, [key], [], as_type=list[tuple[bytes, bytes]], writes=False)
        found: list[NodeRow] = []
        for node, entry in sorted(rows):
            seen, _, info = entry.partition(b" ")
            found.append(NodeRow(node.decode(), float(seen), _info.decode(info)))
        return found

    async def owners(self, queues: Sequence[MailboxQueue]) -> list[str | None]:
        """Return the living owners."""
        if not queues:
            return []
        keys = [self._keys.queue(queue, "meta") for queue in queues]
        calls = [self._link.call(key, "HMGET", key, "node", as_type=list[bytes | None]) for key in keys]
        rows, found = await asyncio.gather(self.nodes(), asyncio.gather(*calls))
        living = {row.node for row in rows}
        owners = [None if node is None else node.decode() for (node,) in found]
        return [owner if owner in living else None for owner in owners]

    # -- tasks --------------------------------------------------------------------------------------------------------

    async def revoke(self, task_ids: Sequence[str], until: float) -> None:
        """Remember revoked tasks."""
        keys = self._task_keys("revoked", task_ids)
        lives = [part for identity in task_ids for life in lives_of(identity) for part in life]
        if keys:
            await self._link.run(scripts.REVOKE, keys, [_milliseconds(until), repr(until), *lives], as_type=int)

    async def revoked(self, task_ids: Sequence[str]) -> set[str]:
        """Return which are revoked."""
        notes = await self._notes("revoked", task_ids)
        return {task for task, note in zip(task_ids, notes) if note is not None}

    async def note_attempt(self, task_id: str, attempt: int, until: float) -> None:
        """Remember the highest attempt."""
        keys = self._task_keys("attempt", [task_id])
        await self._link.run(scripts.NOTE_ATTEMPT, keys, [attempt, _milliseconds(until)], as_type=int)

    async def attempts(self, task_ids: Sequence[str]) -> list[int]:
        """Return the highest noted attempts."""
        notes = await self._notes("attempt", task_ids)
        return [0 if note is None else int(note.partition(b" ")[0]) for note in notes]

    def _task_keys(self, what: str, task_ids: Sequence[str]) -> list[str]:
        return [self._keys.shared("tasks", f"{what}:{task}") for task in task_ids]

    async def _notes(self, what: str, task_ids: Sequence[str]) -> list[bytes | None]:
        keys = self._task_keys(what, task_ids)
        return await self._link.call(keys[0], "MGET", *keys, as_type=list[bytes | None]) if keys else []

    # -- mailboxes ----------------------------------------------------------------------------------------------------

    async def mailbox_count(self, kind: str, count: int = 0) -> int:
        """Return, or note, how many mailbox queues a kind has."""
        key = self._keys.shared("meta", "mailboxes")
        return await self._link.run(scripts.MAILBOXES, [key], [kind, count], as_type=int, writes=count > 0)

    # -- dead letters -------------------------------------------------------------------------------------------------

    async def bury(self, letters: Sequence[DeadLetter]) -> None:
        """Keep dead letters."""
        flat = [part for letter in letters for part in (letter.id, repr(float(letter.at)), _encode(letter))]
        if flat:
            await self._link.run(scripts.BURY, [self._order()], flat, as_type=int)

    async def dead_letters(self, after: str, limit: int) -> list[DeadLetter]:
        """Return a page, oldest first; behind an id that is not there any more the pages begin anew."""
        if limit <= 0:
            return []
        found = await self._link.run(
            scripts.DEAD_LETTERS, [self._order()], [after, limit], as_type=list[bytes], writes=False
        )
        return [_letter.decode(letter) for letter in found]

    async def exhume(self, ids: Sequence[str]) -> int:
        """Remove dead letters; see `Store`. After a lost reply the count may be too low."""
        return await self._link.run(scripts.EXHUME, [self._order()], list(ids), as_type=int) if ids else 0

    def _order(self) -> str:
        return self._keys.shared("dead", "order")


def _milliseconds(at: float) -> int:
    return max(1, math.ceil(at * 1000))
