"""One epoch of owning a mailbox queue: its clock, its next timer, its outboxes on their way."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

from loguru import logger

from leveret_actors import faults
from leveret_broker.errors import TransportClosed

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from leveret_actors.store.contract import Outbox, Outgoing, TakenOver
    from leveret_broker.transport import Transport


class Tenure:
    """What a node knows while it owns a queue, and forgets when it loses it."""

    def __init__(self, taken: TakenOver, transport: Transport) -> None:
        """Begin with what the store handed over; pending outboxes are published at once, oldest first."""
        self.epoch = taken.epoch
        self.next_due = taken.next_due
        self.stalled = deque(taken.stalled)
        self.more: set[str] = set()
        self.cautious_until = taken.clock
        """Timers due before this may be what the last owner died of."""
        self.sweep_at = taken.clock
        """When to look next for what has been kept long enough."""
        self._transport = transport
        self._loop = asyncio.get_running_loop()
        self._offset = taken.clock - self._loop.time()
        self._latest = taken.clock
        self._open = 0
        self._confirmed: list[str] = []
        for outbox in taken.pending:
            self.send(outbox)

    def now(self) -> float:
        """Return the store's time, as far as it is known here; never runs backwards."""
        self._latest = max(self._latest, self._loop.time() + self._offset)
        return self._latest

    def heard(self, clock: float) -> None:
        """Take over what the store just said its time is."""
        self._offset = clock - self._loop.time()

    def timers_set(self, ats: Iterable[float]) -> None:
        """Note when the first of these timers is due."""
        for at in ats:
            if not self.next_due or at < self.next_due:
                self.next_due = at

    def send(self, outbox: Outbox) -> None:
        """Publish a committed outbox; once all of it is confirmed it can be settled."""
        self._open += 1
        left = len(outbox.items)

        def done(future: asyncio.Future[None]) -> None:
            nonlocal left
            if future.cancelled() or (error := future.exception()) is not None:
                error = None if future.cancelled() else future.exception()
                if error is not None and not isinstance(error, TransportClosed):
                    logger.error("outbox {} stays pending, a body of it was not sent: {}", outbox.id, error)
                return
            left -= 1
            if left == 0:
                self._open -= 1
                self._confirmed.append(outbox.id)

        publish(self._transport, outbox.items, done)

    def confirmed(self) -> tuple[str, ...]:
        """Return the outboxes to settle with the next write."""
        return tuple(self._confirmed)

    def settled(self, ids: Sequence[str]) -> None:
        """Forget outboxes that the store has taken off the pending set."""
        del self._confirmed[: len(ids)]

    @property
    def unsettled(self) -> bool:
        """Tell whether outboxes are on their way, or confirmed and not settled."""
        return bool(self._open or self._confirmed)


def publish(transport: Transport, items: Sequence[Outgoing], done: Callback) -> None:
    """Publish all items without waiting; `done` is called with the future of each."""
    for count, item in enumerate(items):
        if count:
            faults.reached("between-publishes")
        sent = transport.publish(item.address, item.body, delay=item.delay, reason=item.reason, source=item.source)
        sent.add_done_callback(done)


if TYPE_CHECKING:
    from collections.abc import Callable

    Callback = Callable[[asyncio.Future[None]], None]
