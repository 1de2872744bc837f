"""The embedded transport's subscriptions: a mailbox owned by a lock, tasks claimed by rows, listeners."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

from loguru import logger

from leveret_broker.address import DEAD_LETTERS
from leveret_broker.embedded.database import Database
from leveret_broker.embedded.locks import MailboxLock
from leveret_broker.embedded.post import Posted, acknowledge_parcels, mail_topic_of, topic_of
from leveret_broker.embedded.wakeup import POLL_SECONDS, Bell
from leveret_broker.embedded.worker import Transaction
from leveret_broker.errors import DecodeError, StoreUnavailable, SubscriptionLost, TransportClosed
from leveret_broker.parcel import unpack
from leveret_broker.transport import Delivery, Subscription

T = TypeVar("T")

MOST_PARCELS: Final = 500
MOST_BYTES: Final = 1024 * 1024
"""What one `take` of a mailbox returns at most."""
SOONEST_LOOK: Final = 0.001
"""The shortest wait for a task that is not ready yet, in seconds."""


class SqliteConsumer(Subscription):
    """What the subscriptions share: a row, a bell, an end."""

    def __init__(self, database: Database, consumer: int, topic: str) -> None:
        self._database = database
        self._consumer = consumer
        self._topic = topic
        self._bell = Bell()
        self._closed = False
        database.wakeups.add(topic, self._bell)

    @property
    def live(self) -> bool:
        """False once it is closed."""
        return not self._closed

    async def close(self) -> None:
        """Give back what is not acknowledged; a second call does nothing."""
        if self._closed:
            return
        self._closed = True
        self._bell.ring()
        consumer = self._consumer
        with contextlib.suppress(StoreUnavailable):  # then the row is cleaned up when the process is gone
            await self._database.write(lambda writing: self._database.post.remove_consumer(writing, consumer))
        self._database.wakeups.remove(self._topic, self._bell)

    def acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        """See `Subscription`."""

    async def take(self) -> list[Delivery]:
        """See `Subscription`."""
        raise TransportClosed("bodies of this subscription come by callback")

    async def _patiently(self, job: Callable[[], asyncio.Future[T]]) -> T:
        """Await a job, again while another process holds the file."""
        while True:
            self._check()
            try:
                return await job()
            except StoreUnavailable as error:
                self._check()
                logger.warning("{}: {}; trying again", self._database.path, error)
                await asyncio.sleep(POLL_SECONDS)

    def _check(self) -> None:
        if self._closed:
            raise TransportClosed("the subscription was closed")


class SqliteMailbox(SqliteConsumer):
    """A place in the line for a mailbox."""

    def __init__(self, database: Database, namespace: str, consumer: int, queue: int, lock: MailboxLock) -> None:
        super().__init__(database, consumer, topic_of(queue))
        self._namespace = namespace
        self._queue = queue
        self._lock = lock
        self._active = False
        self._seen = 0
        """Parcels up to this number an earlier owner may have seen."""
        self._taken = 0
        self._stand_in_line()

    async def take(self) -> list[Delivery]:
        """Wait for ownership and parcels; see `Subscription`."""
        while True:
            self._check()
            self._bell.clear()
            if self._stand_in_line():
                rows = await self._patiently(lambda: self._database.read(self._next_rows))
                self._check()
                if rows:
                    return [self._delivery(number, data) for number, data in rows]
            await self._bell.wait(POLL_SECONDS)

    def acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        """Remove these parcels; see `Subscription`."""
        if self._closed or not deliveries:
            return
        numbers = [delivery.tag for delivery in deliveries]
        _ignore(self._database.write(lambda writing: acknowledge_parcels(writing, self._queue, numbers)))

    async def close(self) -> None:
        """Let the next in line become the owner, once every acknowledgement is written."""
        if self._closed:
            return
        try:
            await super().close()
        finally:
            self._lock.close()
            self._database.wakeups.notify([self._topic])

    def _stand_in_line(self) -> bool:
        if not self._active and self._lock.acquire():
            self._active = True
            self._seen = self._lock.delivered()
        return self._active

    def _next_rows(self, transaction: Transaction) -> list[tuple[int, bytes]]:
        rows: list[tuple[int, bytes]] = []
        size = 0
        query = "SELECT number, bodies FROM parcels WHERE queue = ? AND number > ? ORDER BY number LIMIT ?"
        for number, data in transaction.execute(query, (self._queue, self._taken, MOST_PARCELS)):
            rows.append((number, data))
            size += len(data)
            if size >= MOST_BYTES:
                break
        return rows

    def _delivery(self, number: int, data: bytes) -> Delivery:
        self._taken = number
        if number > self._seen:
            self._lock.set_delivered(number)
        try:
            bodies = unpack(data)
        except DecodeError as error:
            bodies = ()
            letter = Posted(DEAD_LETTERS, data, 0.0, str(error), self._topic)
            post, namespace = self._database.post, self._namespace
            _ignore(self._database.write(lambda writing: post.enqueue(writing, namespace, [letter], time.time())))
        return Delivery(number, bodies, number <= self._seen)


class SqliteTasks(SqliteConsumer):
    """One of the competing consumers of a service, or of the dead letters."""

    def __init__(
        self, database: Database, consumer: int, queue: int, prefetch: int, clock: Callable[[], float]
    ) -> None:
        super().__init__(database, consumer, topic_of(queue))
        self._queue = queue
        self._prefetch = prefetch
        self._clock = clock
        self._tag = 0
        self._held: dict[int, int] = {}
        """Number by delivery tag."""
        self._claiming: asyncio.Future[list[Any]] | None = None
        """Outlives a `take` that was cancelled: its rows are claimed."""

    async def take(self) -> list[Delivery]:
        """Wait for free slots and tasks that are ready; see `Subscription`."""
        while True:
            self._check()
            self._bell.clear()
            pause = POLL_SECONDS
            if len(self._held) < self._prefetch:
                pause = await self._patiently(lambda: self._database.read(self._until_ready))
                if pause <= 0 or self._claiming is not None:
                    deliveries = await self._claim()
                    if deliveries:
                        return deliveries
                    continue
            await self._bell.wait(min(POLL_SECONDS, max(pause, SOONEST_LOOK)))

    def acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        """Remove these tasks, unless they were given back meanwhile."""
        numbers = [self._held.pop(delivery.tag) for delivery in deliveries if delivery.tag in self._held]
        if self._closed or not numbers:
            return

        def job(transaction: Transaction) -> None:
            for number in numbers:
                transaction.execute(
                    "DELETE FROM tasks WHERE queue = ? AND number = ? AND claim = ?",
                    (self._queue, number, self._consumer),
                )

        _ignore(self._database.write(job))
        self._bell.ring()

    def _until_ready(self, transaction: Transaction) -> float:
        """Return the seconds until a task is ready."""
        rows = transaction.rows("SELECT min(ready) FROM tasks WHERE queue = ? AND claim = 0", (self._queue,))
        first = rows[0][0]
        return POLL_SECONDS if first is None else float(first) - self._clock()

    async def _claim(self) -> list[Delivery]:
        free = self._prefetch - len(self._held)
        if self._claiming is None:
            now = self._clock()
            values = (self._consumer, self._queue, self._queue, now, free)
            self._claiming = self._database.write(lambda writing: writing.rows(_CLAIM, values))
        try:
            rows = await asyncio.shield(self._claiming)
        except StoreUnavailable as error:
            self._claiming = None
            logger.warning("{}: {}; trying again", self._database.path, error)
            await asyncio.sleep(POLL_SECONDS)
            return []
        self._claiming = None
        self._check()
        deliveries: list[Delivery] = []
        for number, body, count, reason, source in sorted(rows, key=_number):
            self._tag += 1
            self._held[self._tag] = number
            deliveries.append(Delivery(self._tag, (body,), count > 1, reason, source, count - 1))
        return deliveries


class SqliteEvents(SqliteTasks):
    """A place in the line for a listener group's queue."""

    def __init__(
        self,
        database: Database,
        consumer: int,
        queue: int,
        prefetch: int,
        clock: Callable[[], float],
        lock: MailboxLock,
    ) -> None:
        super().__init__(database, consumer, queue, prefetch, clock)
        self._lock = lock
        self._active = False

    async def take(self) -> list[Delivery]:
        """Wait to be the first in line, then for events; see `Subscription`."""
        while not self._active:
            self._check()
            self._bell.clear()
            if self._lock.acquire():
                await self._patiently(lambda: self._database.write(self._inherit))
                self._active = True
            else:
                await self._bell.wait(POLL_SECONDS)
        return await super().take()

    def _until_ready(self, transaction: Transaction) -> float:
        if not self._database.post.is_bound(transaction, self._queue):
            raise SubscriptionLost("its queue was removed")
        return super()._until_ready(transaction)

    def _inherit(self, transaction: Transaction) -> None:
        self._database.post.inherit(transaction, self._queue)

    async def close(self) -> None:
        """Let the next in line go on, once what was not acknowledged is back."""
        if self._closed:
            return
        try:
            await super().close()
        finally:
            self._lock.close()
            self._database.wakeups.notify([self._topic])


_CLAIM: Final = """
UPDATE tasks SET claim = ?, deliveries = deliveries + 1 WHERE queue = ? AND number IN (
    SELECT number FROM tasks WHERE queue = ? AND claim = 0 AND ready <= ? ORDER BY ready, number LIMIT ?)
RETURNING number, body, deliveries, reason, source
"""


class SqliteListener(SqliteConsumer):
    """A callback for replies or control; bodies from this process come directly, others through the mail table."""

    def __init__(self, database: Database, consumer: int, on_body: Callable[[bytes], None]) -> None:
        super().__init__(database, consumer, mail_topic_of(consumer))
        self._loop = asyncio.get_running_loop()
        self._on_body = on_body
        database.post.listeners[consumer] = self._hear
        self._reading = asyncio.create_task(self._read())

    async def close(self) -> None:
        """Stop listening."""
        self._database.post.listeners.pop(self._consumer, None)
        self._reading.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._reading
        await super().close()

    def _hear(self, bodies: list[bytes]) -> None:
        with contextlib.suppress(RuntimeError):  # its loop is closed
            self._loop.call_soon_threadsafe(self._tell, bodies)

    def _tell(self, bodies: list[bytes]) -> None:
        """Call back for each on its own, so that what one raises is its loop's concern only."""
        for body in bodies:
            self._loop.call_soon(self._tell_one, body)

    def _tell_one(self, body: bytes) -> None:
        if not self._closed:
            self._on_body(body)

    async def _read(self) -> None:
        query = "SELECT id, body FROM mail WHERE consumer = ? ORDER BY id LIMIT 500"
        while True:
            self._bell.clear()
            rows = await self._patiently(
                lambda: self._database.read(lambda reading: reading.rows(query, (self._consumer,)))
            )
            if rows:
                self._tell([body for _, body in rows])
                await self._remove(rows[-1][0])
            else:
                await self._bell.wait(POLL_SECONDS)

    async def _remove(self, last: int) -> None:
        def job(transaction: Transaction) -> None:
            transaction.execute("DELETE FROM mail WHERE consumer = ? AND id <= ?", (self._consumer, last))

        await self._patiently(lambda: self._database.write(job))


def _number(row: tuple[int, ...]) -> int:
    return row[0]


def _ignore(future: asyncio.Future[None]) -> None:
    """Await nothing, and let nobody complain: a lost acknowledgement means redelivery."""
    future.add_done_callback(lambda done: done.cancelled() or done.exception())
