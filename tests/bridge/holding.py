"""What the store has of signals that are held."""

from __future__ import annotations

import msgspec

from leveret_actors.store.contract import Store
from leveret_actors.tag.hold import HoldState
from leveret_broker.address import TAGS, MailboxQueue


async def held(store: Store) -> list[HoldState]:
    """Return what is held, by receiver."""
    found: list[HoldState] = []
    for index in range(await store.mailbox_count(TAGS)):
        queue = MailboxQueue(TAGS, index)
        rows = await store.instances(queue, "held", "", 100)
        records = await store.load(queue, [row.actor for row in rows]) if rows else []
        found += [msgspec.msgpack.decode(record.state, type=HoldState) for record in records if record is not None]
    return found


async def nobody_took(store: Store, count: int) -> bool:
    """Tell whether so many signals are held after one was tried in vain."""
    states = [state for state in await held(store) if state.again > 0]
    return sum(len(state.held) for state in states) >= count
