"""The transport contract: what clients and nodes may rely on, whatever carries the envelopes.

* A body (one encoded envelope) published to a `MailboxQueue` by one transport arrives there **in the order of the
  publish calls**, at least once, after its future is done at the latest. Other addresses promise no order.
* A publish future is done when the broker holds the body durably. Bodies for a `ReplyQueue` or the `ControlExchange`
  are done when written out: nobody may be there.
* A body published to an `EventTopic` arrives in the queue of each listener group that has bound a matching pattern
  before, at least once; those of one lane in the order of the publish calls of their sender. Where nobody has, it is
  dropped. A group's queue keeps what nobody has taken, over restarts, until the group is forgotten.
* A body published to `COMMANDS` stands behind those whose futures were done before, and waits there until a subscriber
  acknowledges it. One for a `ForeignQueue` is done when the broker has taken it, whether that queue exists or not.
* A mailbox queue, a group's, or that of commands, has at most one active subscription; the next one becomes active when
  the first is closed or lost, and sees everything that was not acknowledged, in order.
* Every wait ends: by an answer, by an error, or by `close()`, which makes all waiters raise `TransportClosed`.
* Whatever needs the broker's answer raises `BrokerUnavailable` when none comes in time (trying again may help), and
  `BrokerRefused` when the broker said no for good; what is published keeps waiting for a broker that is away.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final, Self

import msgspec

from leveret_broker.errors import ConfigurationError

if TYPE_CHECKING:
    import asyncio

    from leveret_broker.address import Address, BridgeQueue, ListenerQueue, MailboxQueue, ServiceQueue
    from leveret_broker.foreign import ForeignSource


DELIVERY_LIMIT: Final = 20
"""A task, or an event, that comes back to its queue more often becomes a dead letter, whoever is to blame."""


class Delivery(msgspec.Struct, frozen=True):
    """What one acknowledgement covers: a parcel of envelopes, or one task."""

    tag: int
    """Names the delivery within its subscription; rises from delivery to delivery."""
    bodies: tuple[bytes, ...]
    """Encoded envelopes, in order. Empty for a parcel that held nothing readable (already dead-lettered)."""
    redelivered: bool = False
    """True when an earlier consumer may have seen it."""
    reason: str = ""
    """Dead letters only: why the broker or a sender gave it up."""
    source: str = ""
    """Dead letters only: `str()` of the queue it came from."""
    earlier: int = 0
    """Tasks and events only: how often it was delivered before, as the broker counts."""


class QueueDepth(msgspec.Struct, frozen=True):
    """What a passive look at a queue tells."""

    consumers: int
    messages: int
    """Ready ones; parcels on RabbitMQ, so at least as many envelopes."""


class Subscription(ABC):
    """Deliveries of one queue on a channel of their own."""

    @abstractmethod
    async def take(self) -> list[Delivery]:
        """Wait for deliveries and return all that are at hand, oldest first.

        Raises `SubscriptionLost` when the channel is gone and `TransportClosed` after `close()`.
        """

    @abstractmethod
    def acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        """Acknowledge these deliveries, without waiting.

        On a mailbox queue the caller passes all it has taken and not yet acknowledged up to the last one. An
        acknowledgement that gets lost with the channel means redelivery, never an error here.
        """

    @property
    def lost(self) -> bool:
        """True when it ended otherwise than by `close()` alone: what was acknowledged last may come again."""
        return False

    @abstractmethod
    async def close(self) -> None:
        """Stop taking; whatever is not acknowledged goes back to the queue in its old order."""

    async def __aenter__(self) -> Self:
        """Have it closed at the end of the block."""
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


class Transport(ABC):
    """One process's way to the broker; safe to share by all tasks of one event loop."""

    namespace: str
    """Prefix of all that it uses."""

    @property
    @abstractmethod
    def connected(self) -> bool:
        """Tell whether the broker can be reached now, as far as this process knows."""

    @abstractmethod
    async def open(self, deadline: float | None = None) -> None:
        """Connect, waiting for a broker that is not up yet, for at most `deadline` seconds (None: for ever).

        Logs one line per failed attempt. Raises `BrokerRefused` at once when the broker says no, and
        `BrokerUnavailable` when the time is over.
        """

    @abstractmethod
    async def close(self) -> None:
        """Send out what is published, for a few seconds at most, then close; a second call does nothing."""

    @abstractmethod
    def publish(
        self, address: Address, body: bytes, *, delay: float = 0.0, reason: str = "", source: str = ""
    ) -> asyncio.Future[None]:
        """Queue `body` for sending and return the future of its confirmation.

        `delay` (seconds) is for a `ServiceQueue` only: the body reaches it at least `delay` later, or earlier
        through a rung of the delay ladder that is too short, so the body must carry its own "not before".
        `reason` and `source` are for `DEAD_LETTERS` only: why the body is given up, and `str()` of the address it
        was taken from; they come back as `Delivery.reason` and `Delivery.source`.
        The transport sends again what a lost connection left unconfirmed, and declares what an address needs.
        The future fails with `TransportClosed`, or `PublishFailed` where sending again cannot help.
        """

    @abstractmethod
    async def flow(self) -> None:
        """Wait until fewer than the high-water mark of bodies are unconfirmed: call it between batches."""

    @abstractmethod
    async def mailbox_count(self, kind: str, proposed: int) -> int:
        """Return how many mailbox queues `kind` has; the first who asks in a namespace settles it with `proposed`."""

    @abstractmethod
    async def subscribe_mailbox(self, queue: MailboxQueue) -> Subscription:
        """Declare the mailbox queue and wait in line to be its active consumer."""

    @abstractmethod
    async def subscribe_service(self, queue: ServiceQueue, prefetch: int) -> Subscription:
        """Declare the service queue and take at most `prefetch` unacknowledged tasks, one in each delivery."""

    @abstractmethod
    async def subscribe_replies(
        self, client: str, on_body: Callable[[bytes], None], on_restored: Callable[[], None]
    ) -> Subscription:
        """Receive the bodies sent to `ReplyQueue(client)` by callback, in the event loop.

        `on_restored` is called after a lost connection came back: replies may be missing, so ask again.
        `take` of this subscription returns nothing; it raises what ended it: `TransportClosed`, or `BrokerRefused`
        when the broker does not have it back. Close it to stop.
        """

    @abstractmethod
    async def subscribe_control(self, on_body: Callable[[bytes], None]) -> Subscription:
        """Receive what is published to the `ControlExchange` while connected, by callback."""

    @abstractmethod
    async def subscribe_dead_letters(self) -> Subscription:
        """Take the namespace's dead letters; `Delivery.reason` and `.source` are set."""

    async def subscribe_foreign(self, source: ForeignSource) -> Subscription:
        """Take the messages of an exchange or a queue that others own, each body that of a `RawCommand`.

        A queue of our own, bound to the exchange, has one active subscription; that of others is shared with whoever
        consumes it. Raises `BrokerUnavailable` while the exchange or the queue does not exist, and `ConfigurationError`
        where there is no broker that others could publish to.
        """
        text = f"a bridge from the {source} needs RabbitMQ: with this URL nobody can publish there"
        raise ConfigurationError(text)

    @abstractmethod
    async def subscribe_events(self, queue: ListenerQueue, patterns: Sequence[str], prefetch: int) -> Subscription:
        """Declare a listener group's queue, bind these patterns beside those it has, and wait in line to consume.

        At most `prefetch` events are unacknowledged, one in each delivery.
        """

    @abstractmethod
    async def rebind_events(self, queue: ListenerQueue, bound: Sequence[str], unbound: Sequence[str]) -> None:
        """Bind these patterns to a listener group's queue that exists, then take the others away."""

    @abstractmethod
    async def forget(self, queue: ListenerQueue | BridgeQueue) -> None:
        """Remove the queue of a listener group or a bridge, with all that is in it; nothing when it does not exist.

        Whoever takes from it loses its subscription.
        """

    @abstractmethod
    async def subscribe_commands(self, limit: int) -> Subscription:
        """Wait in line to be the active consumer of what is published to `COMMANDS`, in order.

        Bodies are encoded `RawCommand`s. Of a message with more than `limit` bytes only the beginning is kept.
        """

    @abstractmethod
    async def inspect(self, queue: MailboxQueue | ServiceQueue | ListenerQueue | BridgeQueue) -> QueueDepth | None:
        """Look at a queue without declaring it; None when it does not exist."""
