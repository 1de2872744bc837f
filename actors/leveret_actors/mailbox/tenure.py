"""One epoch of owning a mailbox queue: its clock, its next timer, its outboxes on their way."""

from __future__ import annotations

import asyncio
from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Final

from loguru import logger

from leveret_actors import faults
from leveret_broker.errors import TransportClosed

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from leveret_actors.store.contract import Outbox, Outgoing, TakenOver
    from leveret_broker.transport import Transport


FIRST_PAUSE: Final = 1.0
LONGEST_PAUSE: Final = 60.0
"""Seconds before a body that the transport gave up is published again: doubled from the first to the longest."""


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
        self._open = 0
        self._ended = False
        self._left: dict[str, int] = {}
        """Bodies not yet confirmed, of each outbox on its way."""
        self._retries: set[asyncio.TimerHandle] = set()
        self._confirmed: list[str] = []
        for outbox in taken.pending:
            self.send(outbox)

    def now(self) -> float:
        """Return the store's time, as far as it is known here; it runs backwards when the store's clock was set back.

        An instance's own time never does: a turn is not before the last one.
        """
        return self._loop.time() + self._offset

    def heard(self, clock: float) -> None:
        """Take over what the store just said its time is."""
        self._offset = clock - self._loop.time()

    def timers_set(self, ats: Iterable[float]) -> None:
        """Note when the first of these timers is due."""
        for at in ats:
            if not self.next_due or at < self.next_due:
                self.next_due = at

    def send(self, outbox: Outbox) -> None:
        """Publish a committed outbox; once all of it is confirmed it can be settled.

        What cannot be sent is tried again for as long as this epoch lasts: somebody may mend the broker.
        """
        self._open += 1
        self._left[outbox.id] = len(outbox.items)
        publish(self._transport, outbox.items, partial(self._sent, outbox.id, 1))

    def end(self) -> None:
        """Try nothing again: what is pending is the next owner's."""
        for timer in self._retries:
            timer.cancel()
        self._retries.clear()
        self._ended = True

    def _sent(self, outbox: str, attempt: int, item: Outgoing, future: asyncio.Future[None]) -> None:
        if future.cancelled():
            return
        error = future.exception()
        if error is None:
            self._left[outbox] -= 1
            if not self._left[outbox]:
                del self._left[outbox]
                self._open -= 1
                self._confirmed.append(outbox)
        elif not isinstance(error, TransportClosed) and not self._ended:
            wait = min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(attempt - 1, 30))
            text = "outbox {} stays pending, a body of it was not sent, attempt {}, next in {:.0f} s: {}"
            logger.error(text, outbox, attempt, wait, error)
            again = partial(publish, self._transport, (item,), partial(self._sent, outbox, attempt + 1))
            self._retries = {timer for timer in self._retries if timer.when() > self._loop.time()}
            self._retries.add(self._loop.call_later(wait, again))

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
    """Publish all items without waiting; `done` is called with each and its future."""
    for count, item in enumerate(items):
        if count:
            faults.reached("between-publishes")
        sent = transport.publish(item.address, item.body, delay=item.delay, reason=item.reason, source=item.source)
        sent.add_done_callback(partial(done, item))


if TYPE_CHECKING:
    from collections.abc import Callable

    Callback = Callable[[Outgoing, asyncio.Future[None]], None]
