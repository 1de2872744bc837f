"""The embedded transport: processes of one machine around one SQLite file."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from loguru import logger

from leveret_broker.address import (
    COMMAND_QUEUE,
    DEAD_LETTERS,
    Address,
    BridgeQueue,
    ListenerQueue,
    MailboxQueue,
    ServiceQueue,
)
from leveret_broker.embedded.consumers import SqliteConsumer, SqliteEvents, SqliteListener, SqliteMailbox, SqliteTasks
from leveret_broker.embedded.database import Database
from leveret_broker.embedded.locks import FileLock, MailboxLock, file_name
from leveret_broker.embedded.post import CONTROL_KIND, REPLIES, Posted, kind_of
from leveret_broker.embedded.queue import MAILBOX_PREFETCH, QueueAddress
from leveret_broker.embedded.worker import Transaction
from leveret_broker.errors import BrokerUnavailable, PublishFailed, StoreUnavailable, TransportClosed
from leveret_broker.transport import QueueDepth, Subscription, Transport

HIGH_WATER: Final = 10_000
"""Unconfirmed bodies above which `flow` waits."""
MOST_AT_ONCE: Final = 2_000
"""Bodies in one transaction."""
CLOSE_SECONDS: Final = 5.0
"""How long `close` waits for what is published."""
AGAIN_SECONDS: Final = 0.5
"""Pause before another try when the file was not to be had."""


class _Unsent(NamedTuple):
    posted: Posted
    future: asyncio.Future[None]


class SqliteTransport(Transport):
    """A transport of one namespace; it may share its database with a store and with other transports."""

    def __init__(self, database: Database, namespace: str, *, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self.namespace = namespace
        self._clock = clock
        self._open = False
        self._unsent: list[_Unsent] = []
        self._in_flight = 0
        self._sending: asyncio.Task[None] | None = None
        self._room = asyncio.Event()
        self._consumers: list[SqliteConsumer] = []

    @property
    def connected(self) -> bool:
        """Tell whether it is open: a file is always there."""
        return self._open

    async def open(self, deadline: float | None = None) -> None:
        """Open the file; see `Transport`. `ConfigurationError` and `StoreRefused` say what cannot be used."""
        end = None if deadline is None else time.monotonic() + deadline
        while True:
            try:
                await self._database.open()
            except StoreUnavailable as error:
                logger.warning("{} is not to be had: {}", self._database.path, error)
                if end is not None and time.monotonic() + AGAIN_SECONDS > end:
                    raise BrokerUnavailable(str(error)) from error
                await asyncio.sleep(AGAIN_SECONDS)
            else:
                self._open = True
                return

    async def close(self) -> None:
        """Write what is published, then leave; see `Transport`."""
        if not self._open:
            return
        self._open = False
        if self._sending is not None:
            _, late = await asyncio.wait([self._sending], timeout=CLOSE_SECONDS)
            for task in late:
                task.cancel()
        for consumer in self._consumers:
            await consumer.close()
        self._consumers.clear()
        for one in self._unsent:
            _fail(one.future, TransportClosed("the transport was closed before this was written"))
        self._unsent.clear()
        self._room.set()
        await self._database.close()

    def publish(
        self, address: Address, body: bytes, *, delay: float = 0.0, reason: str = "", source: str = ""
    ) -> asyncio.Future[None]:
        """Queue `body` for the next transaction; see `Transport`."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if not self._open:
            _fail(future, TransportClosed("the transport is closed"))
            return future
        self._unsent.append(_Unsent(Posted(address, body, delay, reason, source), future))
        if self._sending is None:
            self._sending = asyncio.get_running_loop().create_task(self._send())
        return future

    async def flow(self) -> None:
        """Wait while too much is unwritten."""
        self._check()
        while len(self._unsent) + self._in_flight >= HIGH_WATER:
            self._room.clear()
            await self._room.wait()
            self._check()

    async def mailbox_count(self, kind: str, proposed: int) -> int:
        """Return the count that the first who asked proposed."""
        self._check()

        def job(transaction: Transaction) -> int:
            transaction.execute("INSERT OR IGNORE INTO counts VALUES (?, ?, ?)", (self.namespace, kind, proposed))
            query = "SELECT count FROM counts WHERE namespace = ? AND kind = ?"
            return int(transaction.rows(query, (self.namespace, kind))[0][0])

        return await self._database.write(job)

    async def subscribe_mailbox(self, queue: MailboxQueue) -> Subscription:
        """Stand in the mailbox's line; the place is a lock that the kernel frees."""
        consumer, number = await self._add(queue)
        lock = MailboxLock(self._database.locks, file_name(self.namespace, str(queue)))
        return self._kept(SqliteMailbox(self._database, self.namespace, consumer, number, lock))

    async def subscribe_service(self, queue: ServiceQueue, prefetch: int) -> Subscription:
        """Take tasks, at most `prefetch` at a time."""
        consumer, number = await self._add(queue)
        return self._kept(SqliteTasks(self._database, consumer, number, prefetch, self._clock))

    async def subscribe_dead_letters(self) -> Subscription:
        """Take the dead letters of the namespace."""
        consumer, number = await self._add(DEAD_LETTERS)
        return self._kept(SqliteTasks(self._database, consumer, number, MAILBOX_PREFETCH, self._clock))

    async def subscribe_replies(
        self,
        client: str,
        on_body: Callable[[bytes], None],
        on_restored: Callable[[], None],  # noqa: ARG002  # a file does not go away
    ) -> Subscription:
        """Hear the replies to a client."""
        return self._kept(SqliteListener(self._database, await self._add_listener(REPLIES, client), on_body))

    async def subscribe_control(self, on_body: Callable[[bytes], None]) -> Subscription:
        """Hear what is published to the control exchange."""
        return self._kept(SqliteListener(self._database, await self._add_listener(CONTROL_KIND, ""), on_body))

    async def subscribe_events(self, queue: ListenerQueue, patterns: Sequence[str], prefetch: int) -> Subscription:
        """Stand in the line of a listener group; the place is a lock that the kernel frees."""
        consumer, number = await self._add(queue)
        post = self._database.post
        await self._database.write(lambda writing: post.bind(writing, self.namespace, queue, patterns))
        lock = MailboxLock(self._database.locks, file_name(self.namespace, str(queue)))
        return self._kept(SqliteEvents(self._database, consumer, number, prefetch, self._clock, lock))

    async def rebind_events(self, queue: ListenerQueue, bound: Sequence[str], unbound: Sequence[str]) -> None:
        """Bind and unbind."""
        self._check()
        post = self._database.post
        await self._database.write(lambda writing: post.bind(writing, self.namespace, queue, bound, unbound))

    async def forget(self, queue: ListenerQueue | BridgeQueue) -> None:
        """Remove the queue of a listener group; bridges have none here."""
        self._check()
        post = self._database.post
        if isinstance(queue, ListenerQueue):
            await self._database.write(lambda writing: post.forget(writing, self.namespace, queue))

    async def subscribe_commands(self, limit: int) -> Subscription:  # noqa: ARG002 - clients refuse what is too large
        """Stand in the line for commands."""
        return await self.subscribe_mailbox(COMMAND_QUEUE)

    async def inspect(self, queue: MailboxQueue | ServiceQueue | ListenerQueue | BridgeQueue) -> QueueDepth | None:
        """Look at a queue; what a mailbox's owner was given does not count as ready."""
        self._check()
        if isinstance(queue, BridgeQueue):
            return None
        path = self._database.locks / f"{file_name(self.namespace, str(queue))}.owner"
        delivered, post = 0, self._database.post
        if isinstance(queue, MailboxQueue) and path.exists():
            lock = FileLock(path)
            delivered = lock.mark()
            lock.close()

        def job(transaction: Transaction) -> QueueDepth | None:
            number = post.find(transaction, self.namespace, queue)
            if number is None or (isinstance(queue, ListenerQueue) and not post.is_bound(transaction, number)):
                return None
            query = "SELECT count(*) FROM consumers WHERE namespace = ? AND kind = ? AND name = ?"
            consumers = transaction.rows(query, (self.namespace, kind_of(queue), str(queue)))[0][0]
            if isinstance(queue, MailboxQueue):
                after = delivered if consumers else 0
                count = "SELECT count(*) FROM parcels WHERE queue = ? AND number > ?"
                return QueueDepth(consumers, transaction.rows(count, (number, after))[0][0])
            count = "SELECT count(*) FROM tasks WHERE queue = ? AND claim = 0"
            return QueueDepth(consumers, transaction.rows(count, (number,))[0][0])

        return await self._database.read(job)

    # -- below --------------------------------------------------------------------------------------------------------

    async def _add(self, queue: QueueAddress) -> tuple[int, int]:
        """Return a new consumer and the number of its queue."""
        self._check()
        post, process = self._database.post, self._database.alive.name

        def job(transaction: Transaction) -> tuple[int, int]:
            number = post.declare(transaction, self.namespace, queue)
            name = "" if queue == DEAD_LETTERS else str(queue)
            return post.add_consumer(transaction, self.namespace, kind_of(queue), name, process), number

        return await self._database.write(job)

    async def _add_listener(self, kind: str, name: str) -> int:
        self._check()
        post, process = self._database.post, self._database.alive.name
        return await self._database.write(
            lambda writing: post.add_consumer(writing, self.namespace, kind, name, process)
        )

    def _kept(self, consumer: SqliteConsumer) -> SqliteConsumer:
        self._consumers = [one for one in self._consumers if one.live]
        self._consumers.append(consumer)
        return consumer

    def _check(self) -> None:
        if not self._open:
            raise TransportClosed("the transport is closed; open it first")

    async def _send(self) -> None:
        """Write what is published, one transaction at a time, so that the order stays."""
        while self._unsent:
            group = self._unsent[:MOST_AT_ONCE]
            del self._unsent[:MOST_AT_ONCE]
            self._in_flight = len(group)
            try:
                await self._write(group)
            finally:
                self._in_flight = 0
                self._room.set()
        self._sending = None

    async def _write(self, group: list[_Unsent]) -> None:
        items = [one.posted for one in group]
        post, namespace, clock = self._database.post, self.namespace, self._clock
        error: Exception | None = None
        while True:
            try:
                await self._database.write(lambda writing: post.enqueue(writing, namespace, items, clock()))
            except StoreUnavailable as unavailable:
                logger.warning("{} is not to be had: {}; writing again", self._database.path, unavailable)
                await asyncio.sleep(AGAIN_SECONDS)
                continue
            except asyncio.CancelledError:
                self._unsent[:0] = group
                raise
            except Exception as failure:
                error = PublishFailed(f"SQLite does not take it: {failure}")
                error.__cause__ = failure
            break
        for one in group:
            if error is None:
                _succeed(one.future)
            else:
                _fail(one.future, error)


def _succeed(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


def _fail(future: asyncio.Future[None], error: Exception) -> None:
    if not future.done():
        future.set_exception(error)
        future.exception()  # read: nobody has to await a publish
