"""Waking mailbox queues: AMQP never tells a consumer that it became the active one, an empty envelope does."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from loguru import logger

from leveret_broker.envelope import Envelope, Wake, encode
from leveret_broker.errors import TransportClosed
from leveret_broker.ids import new_id

if TYPE_CHECKING:
    from collections.abc import Sequence

    from leveret_actors.mailbox.host import Host
    from leveret_actors.mailbox.loop import MailboxLoop
    from leveret_broker.address import MailboxQueue
    from leveret_broker.transport import Transport


def wake(transport: Transport, queue: MailboxQueue) -> None:
    """Send an empty envelope to whoever is, or becomes, the queue's active consumer."""

    def done(future: asyncio.Future[None]) -> None:
        if not future.cancelled() and (error := future.exception()) and not isinstance(error, TransportClosed):
            logger.warning("{}: could not be woken: {}", queue, error)

    transport.publish(queue, encode(Envelope(new_id(), "", Wake()))).add_done_callback(done)


async def keep_awake(host: Host, loops: Sequence[MailboxLoop]) -> None:
    """Tell the store each second that this node lives, and wake those of its queues that have no living owner."""
    beat = host.settings.heartbeat
    while True:
        await host.store.heartbeat(host.node, {}, lifetime=3 * beat)
        waiting = [loop.queue for loop in loops if not loop.owned]
        if waiting:
            owners = await host.store.owners(waiting)
            for queue, owner in zip(waiting, owners, strict=True):
                if owner is None:
                    wake(host.transport, queue)
        await asyncio.sleep(beat)
