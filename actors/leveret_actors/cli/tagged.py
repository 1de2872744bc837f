"""What the store tells about a tag: who carries it, and which commands are on their way to them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import msgspec

from leveret_actors.cli.inspection import MAILBOXES, Row
from leveret_actors.store.contract import Member, Store
from leveret_actors.tag.state import TagState, load_state
from leveret_actors.workflow.state import decode
from leveret_broker.address import TAGS, MailboxQueue
from leveret_broker.ids import queue_index, tag_key
from leveret_broker.transport import Transport


class UnderWay(msgspec.Struct, frozen=True):
    """A command by tag that has not been sent to all yet."""

    what: str
    id: str
    sent: int


class Tagged(msgspec.Struct, frozen=True):
    """A tag, with as many of its instances as were wanted, in the order in which they joined."""

    rows: list[Row]
    count: int
    under_way: list[UnderWay]


async def tagged(
    transport: Transport, store: Store, kind: str, tag: str, statuses: Sequence[str], limit: int
) -> Tagged:
    """Look a tag up; instances with another status are left out of the rows, not of the count."""
    if await transport.inspect(MailboxQueue(TAGS, 0)) is None or await transport.inspect(MailboxQueue(kind, 0)) is None:
        return Tagged([], 0, [])  # asking for its count would make the type
    key = tag_key(kind, tag)
    queue = MailboxQueue(TAGS, queue_index(key, await transport.mailbox_count(TAGS, MAILBOXES)))
    (record,) = await store.load(queue, [key])
    state = TagState() if record is None else load_state(record.state)
    count, after, rows = await transport.mailbox_count(kind, MAILBOXES), 0, list[Row]()
    while len(rows) < limit and (page := await store.members(queue, key, after, limit)):
        after = page[-1].number
        rows += [row for row in await _rows(store, kind, count, page) if row.status in statuses]
    under_way = [UnderWay(type(one.message).__name__.lower(), one.id, one.sent) for one in state.fans]
    return Tagged(rows[:limit], state.count, under_way)


async def _rows(store: Store, kind: str, count: int, page: Sequence[Member]) -> list[Row]:
    """Return what their own heads say; an instance that is only on its way has none."""
    by_queue: defaultdict[int, list[str]] = defaultdict(list)
    for member in page:
        by_queue[queue_index(member.instance, count)].append(member.instance)
    heads: dict[str, Row] = {}
    for index, ids in by_queue.items():
        records = await store.load(MailboxQueue(kind, index), ids, journals=False)
        for record in records:
            if record is not None:
                head = decode(record.state)
                heads[record.actor] = Row(kind, record.actor, head.status, head.updated, head.run)
    return [heads[member.instance] for member in page if member.instance in heads]
