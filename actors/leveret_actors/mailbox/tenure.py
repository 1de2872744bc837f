"""One epoch of owning a mailbox queue: its clock, its next timer, its outboxes on their way."""

from __future__ import annotations

import asyncio
from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Final

from loguru import logger

from leveret_actors import faults
from leveret_actors.mailbox import unsendable
from leveret_broker.errors import StoreError, TransportClosed

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from leveret_actors.store.contract import DeadLetter, Outbox, Outgoing, TakenOver
    from leveret_broker.transport import Transport


FIRST_PAUSE: Final = 1.0
LONGEST_PAUSE: Final = 60.0
"""Seconds before a body that the transport gave up is published again: doubled from the first to the longest."""
TRIES: Final = 8
"""How often a body is published, over about two minutes, before it becomes a dead letter and who waits is told."""


class Tenure:
    """What a node knows while it owns a queue, and forgets when it loses it."""

    def __init__(self, taken: TakenOver, transport: Transport, bury: Bury) -> None:
        """Begin with what the store handed over; pending outboxes are published at once, oldest first.

        `bury` keeps dead letters.
        """
        self.epoch = taken.epoch
        self.before = taken.before
        self.next_due = taken.next_due
        self.stalled = deque(taken.stalled)
        self.more: set[str] = set()
        self.cautious_until = taken.clock
        """Timers due before this may be what the last owner died of."""
        self.sweep_at = taken.clock
        """When to look next for what has been kept long enough."""
        self._transport = transport
        self._bury = bury
        self._loop = asyncio.get_running_loop()
        self._offset = taken.clock - self._loop.time()
        self._open = 0
        self._ended = False
        self._left: dict[str, int] = {}
        """Bodies not yet confirmed, of each outbox on its way."""
        self._retries: set[asyncio.TimerHandle] = set()
        self._giving_up: set[asyncio.Task[None]] = set()
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

        What cannot be sent is tried again: somebody may mend the broker. After `TRIES` it is given up.
        """
        self._open += 1
        self._left[outbox.id] = len(outbox.items)
        publish(self._transport, outbox.items, partial(self._sent, outbox.id, 1))

    def end(self) -> None:
        """Try nothing again: what is pending is the next owner's."""
        for timer in self._retries:
            timer.cancel()
        self._retries.clear()
        for task in self._giving_up:
            task.cancel()
        self._ended = True

    def _sent(self, outbox: str, attempt: int, item: Outgoing, future: asyncio.Future[None]) -> None:
        if future.cancelled():
            return
        error = future.exception()
        if error is None:
            self._one_less(outbox)
        elif isinstance(error, TransportClosed) or self._ended:
            return
        elif attempt < TRIES:
            self._again_later(outbox, attempt, item, error)
        else:
            task = self._loop.create_task(self._give_up(outbox, attempt, item, error))
            self._giving_up.add(task)
            task.add_done_callback(self._giving_up.discard)

    def _one_less(self, outbox: str) -> None:
        self._left[outbox] -= 1
        if not self._left[outbox]:
            del self._left[outbox]
            self._open -= 1
            self._confirmed.append(outbox)

    def _again_later(self, outbox: str, attempt: int, item: Outgoing, error: BaseException) -> None:
        wait = min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(attempt - 1, 30))
        text = "outbox {} stays pending, a body of it was not sent, attempt {}, next in {:.0f} s: {}"
        logger.error(text, outbox, attempt, wait, error)
        again = partial(publish, self._transport, (item,), partial(self._sent, outbox, attempt + 1))
        self._retries = {timer for timer in self._retries if timer.when() > self._loop.time()}
        self._retries.add(self._loop.call_later(wait, again))

    async def _give_up(self, outbox: str, attempt: int, item: Outgoing, error: BaseException) -> None:
        """Keep a body as a dead letter, and send word to whoever waits in its place."""
        reason = f"not sent: {error}"
        try:
            await self._bury([unsendable.dead_letter(item, reason, self.now())])
        except StoreError as unheard:
            self._again_later(outbox, attempt, item, unheard)
            return
        if self._ended:
            return
        logger.error("a body of outbox {} is a dead letter after {} attempts, {}", outbox, attempt, reason)
        word = unsendable.news(item, reason, self.now())
        if word is None:
            self._one_less(outbox)
        else:
            publish(self._transport, (word,), partial(self._sent, outbox, 1))

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
    from collections.abc import Awaitable, Callable

    Callback = Callable[[Outgoing, asyncio.Future[None]], None]
    Bury = Callable[[Sequence[DeadLetter]], Awaitable[None]]
