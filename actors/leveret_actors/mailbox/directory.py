"""Which mailbox queue carries an actor."""

from __future__ import annotations

from typing import TYPE_CHECKING

from leveret_actors.actor import ActorAddress
from leveret_broker.address import Address, MailboxQueue
from leveret_broker.ids import queue_index

if TYPE_CHECKING:
    from collections.abc import Iterable

    from leveret_broker.transport import Transport


class Directory:
    """Asks the namespace record once per kind, then remembers."""

    def __init__(self, transport: Transport, mailboxes: int) -> None:
        """Propose `mailboxes` queues for kinds that nobody used before."""
        self._transport = transport
        self._mailboxes = mailboxes
        self._counts: dict[str, int] = {}

    async def queues(self, kind: str) -> list[MailboxQueue]:
        """Return all mailbox queues of a kind."""
        await self.learn((kind,))
        return [MailboxQueue(kind, index) for index in range(self._counts[kind])]

    async def learn(self, kinds: Iterable[str]) -> None:
        """Make sure that `resolve` knows these kinds."""
        for kind in kinds:
            if kind not in self._counts:
                self._counts[kind] = await self._transport.mailbox_count(kind, self._mailboxes)

    def knows(self, kind: str) -> bool:
        """Tell whether `resolve` can answer for this kind."""
        return kind in self._counts

    def resolve(self, address: Address | ActorAddress) -> Address:
        """Return where to publish; the kind of an actor must be known."""
        if isinstance(address, ActorAddress):
            return MailboxQueue(address.kind, queue_index(address.key, self._counts[address.kind]))
        return address
