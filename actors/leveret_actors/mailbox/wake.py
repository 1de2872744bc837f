"""Waking mailbox queues: AMQP never tells a consumer that it became the active one, an empty envelope does."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from loguru import logger

from leveret_broker.envelope import Envelope, Wake, encode
from leveret_broker.errors import StoreUnavailable, TransportClosed
from leveret_broker.ids import new_id

LIFETIME: Final = 3
"""Signs of life that a node may miss before it counts as gone."""

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
    while True:
        try:
            await _beat(host, loops)
        except StoreUnavailable as error:  # the next sign of life may get through
            logger.warning("{}: the store did not hear that this node lives: {}", host.node, error)
        await asyncio.sleep(host.settings.heartbeat)


async def _beat(host: Host, loops: Sequence[MailboxLoop]) -> None:
    if not host.transport.connected:
        return  # a node that the broker has given up owns nothing: let its queues be woken
    await host.store.heartbeat(host.node, host.info, lifetime=LIFETIME * host.settings.heartbeat)
    waiting = [loop.queue for loop in loops if not loop.owned]
    if waiting:
        owners = await host.store.owners(waiting)
        for queue, owner in zip(waiting, owners, strict=True):
            if owner is None:
                wake(host.transport, queue)
