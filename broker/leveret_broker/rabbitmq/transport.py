"""The transport on RabbitMQ."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import Callable, Coroutine, Generator, Sequence
from typing import Any, Final, TypeAlias

from aiormq.abc import AbstractChannel

from leveret_broker.address import (
    COMMANDS,
    Address,
    BridgeQueue,
    CommandExchange,
    DeadLetterQueue,
    ForeignQueue,
    ListenerQueue,
    MailboxQueue,
    ServiceQueue,
)
from leveret_broker.command import decode_command
from leveret_broker.errors import ConfigurationError, TransportClosed, TransportError
from leveret_broker.foreign import ForeignSource, again_queue
from leveret_broker.ids import check_namespace
from leveret_broker.rabbitmq import foreign
from leveret_broker.rabbitmq.connection import Connection, answered, close_channel
from leveret_broker.rabbitmq.consumer import PARCELS, QueueSubscription, Read, parcel_reader, read_task
from leveret_broker.rabbitmq.dead import dead_letter_headers, dead_letter_reader
from leveret_broker.rabbitmq.declarer import Declarer
from leveret_broker.rabbitmq.failure import NotThere, translated
from leveret_broker.rabbitmq.json import COMMAND_PREFETCH, command_reader, dead_command, is_dead_command
from leveret_broker.rabbitmq.listener import Listener
from leveret_broker.rabbitmq.meta import NamespaceRecord
from leveret_broker.rabbitmq.probe import PROBE, Probe
from leveret_broker.rabbitmq.publisher import HIGH_WATER, Publisher
from leveret_broker.rabbitmq.topology import Named, Queue, Topology
from leveret_broker.transport import QueueDepth, Subscription, Transport

FAREWELL_SECONDS: Final = 5.0
"""How long `close` tries to send what is published."""
DEAD_LETTER_PREFETCH: Final = 100

Stands: TypeAlias = Callable[[AbstractChannel], Coroutine[Any, Any, bool]]


class RabbitTransport(Transport):
    """Two connections to one RabbitMQ vhost: one publishes, one consumes and acknowledges.

    `url` is an AMQP URL (`amqps` for TLS) with aiormq's query options, such as `heartbeat`, `cafile`, `certfile`,
    `keyfile` and `no_verify_ssl`. `namespace` prefixes every exchange and queue. Besides what the contract names, calls
    that need an answer raise BrokerUnavailable after 30 seconds without one.
    """

    def __init__(self, url: str, namespace: str = "leveret") -> None:
        self.namespace = check_namespace(namespace)
        self._topology = Topology(namespace)
        turn = asyncio.Lock()
        self._publishing = Connection(url, "publishing", turn)
        self._consuming = Connection(url, "consuming", turn)
        self._declarer = Declarer(self._consuming, self._topology)
        self._publisher = Publisher(self._publishing, self._declarer, self._topology)
        self._record = NamespaceRecord(self._consuming, self._topology.meta)
        self._subscriptions: set[Subscription] = set()
        self._closed = False
        self._leaving: asyncio.Task[None] | None = None

    @property
    def blocked(self) -> bool:
        """True while the broker takes no publishes because it lacks memory or disk; `take` waits meanwhile."""
        return self._publishing.blocked

    @property
    def connected(self) -> bool:
        """Tell whether both connections are up."""
        return self._publishing.is_up and self._consuming.is_up

    async def open(self, deadline: float | None = None) -> None:
        """Connect twice, declare the exchanges, begin to send."""
        loop = asyncio.get_running_loop()
        end = None if deadline is None else loop.time() + deadline
        try:
            for connection in (self._publishing, self._consuming):
                with self._unless_closed():
                    await connection.open(None if end is None else max(0.0, end - loop.time()))
            with self._unless_closed():
                await self._declarer.base()
        except BaseException:
            await self.close()
            raise
        self._publisher.start()

    async def close(self) -> None:
        """Give the queues back, send what is published, leave; goes on when its caller is cancelled."""
        self._closed = True
        if self._leaving is None:
            self._leaving = asyncio.create_task(self._leave(), name="leveret leaves the broker")
        await asyncio.shield(self._leaving)

    async def _leave(self) -> None:
        await asyncio.gather(*[subscription.close() for subscription in list(self._subscriptions)])
        await self._publisher.close(FAREWELL_SECONDS)
        await asyncio.gather(self._publishing.close(), self._consuming.close())

    def publish(
        self, address: Address, body: bytes, *, delay: float = 0.0, reason: str = "", source: str = ""
    ) -> asyncio.Future[None]:
        """Queue for sending; see the contract."""
        if delay > 0 and not isinstance(address, ServiceQueue):
            raise ConfigurationError(f"only a service can get a message later, not {address}")
        headers: dict[str, Any] | None = None
        match address:
            case DeadLetterQueue():
                headers = dead_letter_headers(reason, source)
                if is_dead_command(source):
                    command = decode_command(body)
                    body, headers = command.body, {**dead_command(command), **headers}
            case CommandExchange():
                command = decode_command(body)
                address, body, headers = CommandExchange(command.routing_key), command.body, command.headers
            case ForeignQueue(correlation=correlation):
                headers = {"content_type": "application/json"}
                headers |= {"correlation_id": correlation} if correlation else {}
            case _:
                pass
        return self._publisher.publish(address, body, delay, headers)

    async def flow(self) -> None:
        """Wait while too much is unconfirmed."""
        await self._publisher.below(HIGH_WATER)

    async def mailbox_count(self, kind: str, proposed: int) -> int:
        """Ask the namespace record."""
        with self._unless_closed():
            return await self._record.mailbox_count(kind, proposed)

    async def subscribe_mailbox(self, queue: MailboxQueue) -> Subscription:
        """Wait in line for a mailbox queue."""
        return await self._subscribe(queue, PARCELS, parcel_reader(str(queue), self.publish))

    async def subscribe_service(self, queue: ServiceQueue, prefetch: int) -> Subscription:
        """Compete for the tasks of a service."""
        return await self._subscribe(queue, prefetch, read_task)

    async def subscribe_replies(
        self, client: str, on_body: Callable[[bytes], None], on_restored: Callable[[], None]
    ) -> Subscription:
        """Listen to a client's replies, over reconnects."""
        return await self._listen(self._topology.reply_exchange, client, on_body, on_restored)

    async def subscribe_control(self, on_body: Callable[[bytes], None]) -> Subscription:
        """Listen to control messages, over reconnects."""
        return await self._listen(self._topology.control_exchange, "", on_body, None)

    async def subscribe_dead_letters(self) -> Subscription:
        """Take dead letters."""
        return await self._subscribe(None, DEAD_LETTER_PREFETCH, dead_letter_reader(self._topology))

    async def subscribe_events(self, queue: ListenerQueue, patterns: Sequence[str], prefetch: int) -> Subscription:
        """Wait in line for the events of a listener group."""
        return await self._subscribe(queue, prefetch, read_task, patterns)

    async def rebind_events(self, queue: ListenerQueue, bound: Sequence[str], unbound: Sequence[str]) -> None:
        """Bind and unbind."""
        name, exchange = self._topology.queue_name(queue), self._topology.events_exchange
        with self._unless_closed(), translated(f"binding {name}"):
            async with self._consuming.brief_channel() as channel:
                for key in bound:
                    await answered(channel.queue_bind(name, exchange, routing_key=key))
                for key in unbound:
                    await answered(channel.queue_unbind(name, exchange, routing_key=key))

    async def forget(self, queue: ListenerQueue | BridgeQueue) -> None:
        """Delete a queue; its bindings go with it."""
        names = [self._topology.queue_name(queue)]
        if isinstance(queue, BridgeQueue):
            names.append(self._topology.queue_name(again_queue(queue.bridge)))
        with self._unless_closed(), translated(f"deleting {names[0]}"):
            async with self._consuming.brief_channel() as channel:
                for name in names:
                    await answered(channel.queue_delete(name))

    async def subscribe_foreign(self, source: ForeignSource) -> Subscription:
        """Take what a bridge reads."""
        name = source.queue or self._topology.queue_name(BridgeQueue(source.bridge))
        declare = functools.partial(foreign.declare, topology=self._topology, source=source)
        return await self._consume(name, foreign.PREFETCH, foreign.read_foreign, declare)

    async def subscribe_commands(self, limit: int) -> Subscription:
        """Wait in line for commands."""
        return await self._subscribe(COMMANDS, COMMAND_PREFETCH, command_reader(limit))

    async def inspect(self, queue: Named) -> QueueDepth | None:
        """Look at a queue with a passive declaration."""
        name = self._topology.queue_name(queue)
        try:
            with self._unless_closed(), translated(f"inspecting {name}"):
                async with self._consuming.brief_channel() as channel:
                    answer = await answered(channel.queue_declare(name, passive=True))
        except NotThere:
            return None
        return QueueDepth(answer.consumer_count or 0, answer.message_count or 0)

    async def _subscribe(
        self, queue: Queue | None, prefetch: int, read: Read, patterns: Sequence[str] = ()
    ) -> Subscription:
        if queue is None:
            return await self._consume(self._topology.dead, prefetch, read)
        declare = functools.partial(self._topology.declare_queue, queue=queue, patterns=patterns)
        return await self._consume(self._topology.queue_name(queue), prefetch, read, declare)

    async def _consume(self, name: str, prefetch: int, read: Read, declare: Stands | None = None) -> Subscription:
        """Begin to consume a queue, which `declare` makes if need be; it says whether the queue is seen to stand."""
        with self._unless_closed():
            channel = await self._consuming.channel()
            try:
                with translated(f"subscribing to {name}"):
                    stands = declare is not None and await answered(declare(channel))
                    if not stands and not self.blocked:
                        await answered(self._publisher.publish(Probe(name), b"", 0.0, PROBE))
            except BaseException:
                await close_channel(channel)
                raise
            subscription = QueueSubscription(name, read, self._publishing, self._subscriptions.discard)
            self._subscriptions.add(subscription)
            try:
                await subscription.start(channel, prefetch)
            except BaseException:
                await subscription.close()
                raise
        return subscription

    async def _listen(
        self, exchange: str, key: str, on_body: Callable[[bytes], None], on_restored: Callable[[], None] | None
    ) -> Subscription:
        listener = Listener(self._consuming, exchange, key, on_body, on_restored, self._subscriptions.discard)
        with self._unless_closed():
            await listener.start()
        self._subscriptions.add(listener)
        return listener

    @contextlib.contextmanager
    def _unless_closed(self) -> Generator[None]:
        """Whatever a call runs into while `close` pulls the ground away, it raises TransportClosed."""
        closed = "the transport is closed"
        if self._closed:
            raise TransportClosed(closed)
        try:
            yield
        except TransportError as error:
            if self._closed:
                raise TransportClosed(closed) from error
            raise
        if self._closed:
            raise TransportClosed(closed)
