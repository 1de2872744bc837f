"""Which mailbox queue carries an actor."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from loguru import logger

from leveret_actors.actor import ActorAddress
from leveret_broker.address import Address, MailboxQueue
from leveret_broker.backoff import pause
from leveret_broker.errors import BrokerUnavailable, StoreRefused, StoreUnavailable
from leveret_broker.ids import queue_index

if TYPE_CHECKING:
    from collections.abc import Iterable

    from leveret_actors.store.contract import Store
    from leveret_broker.transport import Transport


class Directory:
    """Asks the namespace record once per kind, compares it with the store, then remembers.

    The record is the broker's, and lost with its disk; what the store keeps is spread over as many queues as it said.
    """

    def __init__(self, transport: Transport, store: Store, mailboxes: int) -> None:
        """Propose `mailboxes` queues for kinds that nobody used before."""
        self._transport = transport
        self._store = store
        self._mailboxes = mailboxes
        self._counts: dict[str, int] = {}

    async def queues(self, kind: str) -> list[MailboxQueue]:
        """Return all mailbox queues of a kind, however long the broker or the store stays away."""
        attempt = 0
        while kind not in self._counts:
            try:
                await self.learn((kind,))
            except (BrokerUnavailable, StoreUnavailable) as error:
                attempt += 1
                wait = pause(attempt, first=0.1, longest=5.0)
                text = "nobody tells the mailboxes of {}, attempt {}, next in {:.1f} s: {}"
                logger.warning(text, kind, attempt, wait, error)
                await asyncio.sleep(wait)
        return [MailboxQueue(kind, index) for index in range(self._counts[kind])]

    async def learn(self, kinds: Iterable[str]) -> None:
        """Make sure that `resolve` knows these kinds; raises `StoreRefused` for one that the store knows otherwise."""
        for kind in kinds:
            if kind not in self._counts:
                noted = await self._store.mailbox_count(kind)
                count = await self._transport.mailbox_count(kind, noted or self._mailboxes)
                noted = noted or await self._store.mailbox_count(kind, count)
                if noted != count:
                    text = (
                        f"the broker says that {kind} has {count} mailbox queues, the store has actors of {noted}: the "
                        "broker has lost its data, and somebody else spoke first. Stop everything, delete the stream "
                        "`<namespace>.meta` in the broker, and start a node first: it tells the broker again"
                    )
                    raise StoreRefused(text)
                self._counts[kind] = count

    def knows(self, kind: str) -> bool:
        """Tell whether `resolve` can answer for this kind."""
        return kind in self._counts

    def resolve(self, address: Address | ActorAddress) -> Address:
        """Return where to publish; the kind of an actor must be known."""
        if isinstance(address, ActorAddress):
            return MailboxQueue(address.kind, queue_index(address.key, self._counts[address.kind]))
        return address
