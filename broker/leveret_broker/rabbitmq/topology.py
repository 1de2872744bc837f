"""Names and arguments of all exchanges and queues. They are part of the format: a change needs another namespace."""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from typing import Any, Final, TypeAlias

from aiormq.abc import AbstractChannel

from leveret_broker.address import (
    COMMANDS,
    BridgeQueue,
    CommandExchange,
    ControlExchange,
    DeadLetterQueue,
    EventTopic,
    ForeignQueue,
    ListenerQueue,
    MailboxQueue,
    ReplyQueue,
    ServiceQueue,
    service_of,
)
from leveret_broker.rabbitmq.failure import translated
from leveret_broker.rabbitmq.probe import Probe, Target
from leveret_broker.transport import DELIVERY_LIMIT

RUNGS: Final[tuple[float, ...]] = tuple(0.03125 * float(1 << power) for power in range(19))
"""Seconds of the delay ladder, 1/32 to 8 192: one queue each, so that nothing short waits behind something long.

The shortest one bounds how late something comes that waits for less. Each is declared when it is first used.
"""

MAILBOX_DELIVERY_LIMIT: Final = 1_000_000
"""Large, not absent: 4.x would default to 20 and drop, 3.10 would requeue to the tail."""


Queue: TypeAlias = MailboxQueue | ServiceQueue | ListenerQueue | CommandExchange
Named: TypeAlias = Queue | BridgeQueue


class Topology:
    """The names of one namespace, and how each thing is declared. Declaring what exists changes nothing."""

    def __init__(self, namespace: str) -> None:
        self.mailbox_exchange = f"{namespace}.mailbox"
        self.service_exchange = f"{namespace}.service"
        self.reply_exchange = f"{namespace}.reply"
        self.control_exchange = f"{namespace}.control"
        self.events_exchange = f"{namespace}.events"
        self.command_exchange = f"{namespace}.commands"
        self.ingress = f"{namespace}.ingress"
        self.dead = f"{namespace}.dead"
        self.meta = f"{namespace}.meta"
        self._rung_prefix = f"{namespace}.delay"
        self._bridge_prefix = f"{namespace}.bridge"

    def queue_name(self, queue: Named) -> str:
        """Return the queue's name on the broker."""
        if isinstance(queue, ListenerQueue):
            return f"{self.events_exchange}.{queue.group}"
        if isinstance(queue, CommandExchange):
            return self.ingress
        if isinstance(queue, BridgeQueue):
            return f"{self._bridge_prefix}.{queue.bridge}"
        exchange = self.mailbox_exchange if isinstance(queue, MailboxQueue) else self.service_exchange
        return f"{exchange}.{queue}"

    def source_of(self, queue_name: str) -> str:
        """Return `str()` of the address with this queue name; the name itself when it is not one of ours."""
        if self.is_mailbox(queue_name):
            return queue_name.removeprefix(f"{self.mailbox_exchange}.")
        if queue_name.startswith(f"{self.events_exchange}."):
            return str(ListenerQueue(queue_name.removeprefix(f"{self.events_exchange}.")))
        if queue_name == self.ingress:
            return str(COMMANDS)
        return service_of(queue_name.removeprefix(f"{self.service_exchange}."))

    def is_mailbox(self, queue_name: str) -> bool:
        """Tell whether messages of this queue are parcels."""
        return queue_name.startswith(f"{self.mailbox_exchange}.")

    def route(self, address: Target, delay: float) -> tuple[str, str, bool]:
        """Return exchange, routing key and whether it must reach a queue."""
        match address:
            case MailboxQueue():
                return self.mailbox_exchange, str(address), True
            case ServiceQueue():
                exchange = self.rung_name(rung(delay)) if delay > 0 else self.service_exchange
                return exchange, str(address), True
            case ReplyQueue():
                return self.reply_exchange, address.client, False
            case ControlExchange():
                return self.control_exchange, "", False
            case DeadLetterQueue():
                return self.dead, "", True
            case EventTopic():
                return self.events_exchange, address.key, False
            case ListenerQueue():
                return self.events_exchange, str(address), True
            case CommandExchange():
                return self.command_exchange, address.routing_key, True
            case ForeignQueue():
                return "", address.queue, False
            case Probe():
                return "", address.queue, True

    def rung_name(self, seconds: float) -> str:
        """Return the name of a rung's exchange and queue."""
        return f"{self._rung_prefix}.{seconds * 1000:.0f}ms"

    async def declare_base(self, channel: AbstractChannel) -> None:
        """Declare what every process publishes to: the exchanges, the queue of dead letters, and that of commands."""
        with translated("declaring the exchanges"):
            await channel.exchange_declare(self.mailbox_exchange, exchange_type="direct", durable=True)
            await channel.exchange_declare(self.service_exchange, exchange_type="direct", durable=True)
            await channel.exchange_declare(self.reply_exchange, exchange_type="direct", durable=True)
            await channel.exchange_declare(self.control_exchange, exchange_type="fanout", durable=True)
            await channel.exchange_declare(self.events_exchange, exchange_type="topic", durable=True)
            await channel.exchange_declare(self.command_exchange, exchange_type="topic", durable=True)
            await channel.exchange_declare(self.dead, exchange_type="fanout", durable=True)
        with translated(f"declaring the queue {self.dead}"):
            await channel.queue_declare(
                self.dead,
                durable=True,
                arguments={"x-queue-type": "quorum", "x-delivery-limit": MAILBOX_DELIVERY_LIMIT},
            )
            await channel.queue_bind(self.dead, self.dead)
        await self.declare_queue(channel, COMMANDS)

    # A quorum queue that is younger than about a second is forgotten, confirmed messages and all, by a RabbitMQ 3.10
    # node that is killed (signal 9): its register of Raft members is written late. A cluster's other nodes remember.

    async def declare_queue(self, channel: AbstractChannel, queue: Queue, patterns: Sequence[str] = ()) -> bool:
        """Declare a queue and bind it, one of a listener group also by its patterns.

        Tells whether it is seen to hold or serve anything.
        """
        name, keys = self.queue_name(queue), (str(queue), *patterns)
        if isinstance(queue, CommandExchange):
            exchange, keys = self.command_exchange, ("#",)
            arguments: dict[str, Any] = {"x-single-active-consumer": True, "x-delivery-limit": MAILBOX_DELIVERY_LIMIT}
        elif isinstance(queue, ListenerQueue):
            exchange = self.events_exchange
            arguments = {"x-single-active-consumer": True, "x-delivery-limit": DELIVERY_LIMIT}
        elif isinstance(queue, MailboxQueue):
            exchange = self.mailbox_exchange
            arguments = {"x-single-active-consumer": True, "x-delivery-limit": MAILBOX_DELIVERY_LIMIT}
        else:
            exchange = self.service_exchange
            arguments = {"x-delivery-limit": DELIVERY_LIMIT}
        with translated(f"declaring the queue {name}"):
            arguments |= _dead_lettered_to(self.dead)
            declared = await channel.queue_declare(name, durable=True, arguments=arguments)
            for key in keys:
                await channel.queue_bind(name, exchange, routing_key=key)
        return bool(declared.message_count or declared.consumer_count)

    async def look_at(self, channel: AbstractChannel, queue: ServiceQueue) -> None:
        """Look whether a queue is there, without declaring it; raises `NotThere`."""
        name = self.queue_name(queue)
        with translated(f"looking at the queue {name}"):
            await channel.queue_declare(name, passive=True)

    async def declare_bridge(self, channel: AbstractChannel, bridge: str) -> tuple[str, bool]:
        """Declare the queue of a bridge; return its name, and whether it is seen to hold or serve anything."""
        name = self.queue_name(BridgeQueue(bridge))
        arguments: dict[str, Any] = {"x-single-active-consumer": True, "x-delivery-limit": MAILBOX_DELIVERY_LIMIT}
        with translated(f"declaring the queue {name}"):
            arguments |= _dead_lettered_to(self.dead)
            declared = await channel.queue_declare(name, durable=True, arguments=arguments)
        return name, bool(declared.message_count or declared.consumer_count)

    async def declare_rung(self, channel: AbstractChannel, seconds: float) -> None:
        """Declare one rung: a fanout exchange keeps the routing key, by which the dead letter finds its service."""
        name = self.rung_name(seconds)
        arguments = {"x-message-ttl": int(seconds * 1000)} | _dead_lettered_to(self.service_exchange)
        with translated(f"declaring the queue {name}"):
            await channel.exchange_declare(name, exchange_type="fanout", durable=True)
            await channel.queue_declare(name, durable=True, arguments=arguments)
            await channel.queue_bind(name, name)


def rung(delay: float) -> float:
    """Return the longest rung that is not over `delay`, or the shortest one."""
    index = bisect.bisect_right(RUNGS, delay) - 1
    return RUNGS[max(0, index)]


def _dead_lettered_to(exchange: str) -> dict[str, Any]:
    """Return the arguments of a quorum queue whose dead letters are confirmed before they leave it."""
    return {
        "x-queue-type": "quorum",
        "x-dead-letter-exchange": exchange,
        "x-dead-letter-strategy": "at-least-once",
        "x-overflow": "reject-publish",
    }
