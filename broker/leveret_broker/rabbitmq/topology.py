"""Names and arguments of all exchanges and queues. They are part of the format: a change needs another namespace."""

from __future__ import annotations

import bisect
from typing import Any, Final

from aiormq.abc import AbstractChannel

from leveret_broker.address import (
    Address,
    ControlExchange,
    DeadLetterQueue,
    MailboxQueue,
    ReplyQueue,
    ServiceQueue,
)
from leveret_broker.rabbitmq.failure import translated

RUNGS: Final[tuple[float, ...]] = tuple(0.25 * float(1 << power) for power in range(16))
"""Seconds of the delay ladder, 0.25 to 8 192: one queue each, so that nothing short waits behind something long."""

MAILBOX_DELIVERY_LIMIT: Final = 1_000_000
"""Large, not absent: 4.x would default to 20 and drop, 3.10 would requeue to the tail."""
SERVICE_DELIVERY_LIMIT: Final = 20
"""A task that took down this many workers is dead."""


class Topology:
    """The names of one namespace, and how each thing is declared. Declaring what exists changes nothing."""

    def __init__(self, namespace: str) -> None:
        self.mailbox_exchange = f"{namespace}.mailbox"
        self.service_exchange = f"{namespace}.service"
        self.reply_exchange = f"{namespace}.reply"
        self.control_exchange = f"{namespace}.control"
        self.dead = f"{namespace}.dead"
        self.meta = f"{namespace}.meta"
        self._rung_prefix = f"{namespace}.delay"

    def queue_name(self, queue: MailboxQueue | ServiceQueue) -> str:
        """Return the queue's name on the broker."""
        exchange = self.mailbox_exchange if isinstance(queue, MailboxQueue) else self.service_exchange
        return f"{exchange}.{queue}"

    def source_of(self, queue_name: str) -> str:
        """Return `str()` of the address with this queue name; the name itself when it is not one of ours."""
        for exchange in (self.mailbox_exchange, self.service_exchange):
            if queue_name.startswith(f"{exchange}."):
                return queue_name.removeprefix(f"{exchange}.")
        return queue_name

    def is_mailbox(self, queue_name: str) -> bool:
        """Tell whether messages of this queue are parcels."""
        return queue_name.startswith(f"{self.mailbox_exchange}.")

    def route(self, address: Address, delay: float) -> tuple[str, str, bool]:
        """Return exchange, routing key and whether it must reach a queue."""
        match address:
            case MailboxQueue():
                return self.mailbox_exchange, str(address), True
            case ServiceQueue():
                exchange = self.rung_name(rung(delay)) if delay > 0 else self.service_exchange
                return exchange, address.service, True
            case ReplyQueue():
                return self.reply_exchange, address.client, False
            case ControlExchange():
                return self.control_exchange, "", False
            case DeadLetterQueue():
                return self.dead, "", True

    def rung_name(self, seconds: float) -> str:
        """Return the name of a rung's exchange and queue."""
        return f"{self._rung_prefix}.{seconds * 1000:.0f}ms"

    async def declare_base(self, channel: AbstractChannel) -> None:
        """Declare what every process publishes to: the exchanges, and the queue of dead letters."""
        with translated("declaring the exchanges"):
            await channel.exchange_declare(self.mailbox_exchange, exchange_type="direct", durable=True)
            await channel.exchange_declare(self.service_exchange, exchange_type="direct", durable=True)
            await channel.exchange_declare(self.reply_exchange, exchange_type="direct", durable=True)
            await channel.exchange_declare(self.control_exchange, exchange_type="fanout", durable=True)
            await channel.exchange_declare(self.dead, exchange_type="fanout", durable=True)
        with translated(f"declaring the queue {self.dead}"):
            await channel.queue_declare(
                self.dead,
                durable=True,
                arguments={"x-queue-type": "quorum", "x-delivery-limit": MAILBOX_DELIVERY_LIMIT},
            )
            await channel.queue_bind(self.dead, self.dead)

    # A quorum queue that is younger than about a second is forgotten, confirmed messages and all, by a RabbitMQ 3.10
    # node that is killed (signal 9): its register of Raft members is written late. A cluster's other nodes remember.

    async def declare_queue(self, channel: AbstractChannel, queue: MailboxQueue | ServiceQueue) -> None:
        """Declare a mailbox or service queue and bind it."""
        name = self.queue_name(queue)
        if isinstance(queue, MailboxQueue):
            exchange = self.mailbox_exchange
            arguments: dict[str, Any] = {"x-single-active-consumer": True, "x-delivery-limit": MAILBOX_DELIVERY_LIMIT}
        else:
            exchange = self.service_exchange
            arguments = {"x-delivery-limit": SERVICE_DELIVERY_LIMIT}
        with translated(f"declaring the queue {name}"):
            await channel.queue_declare(name, durable=True, arguments=arguments | _dead_lettered_to(self.dead))
            await channel.queue_bind(name, exchange, routing_key=str(queue))

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
