"""A task that was taken, from its delivery to its acknowledgement."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import TypeAlias

from leveret_actors.service.attempt import Interruptible
from leveret_actors.store.leases import Lease
from leveret_broker.codec import Payload
from leveret_broker.envelope import AskTask, EndTask, Envelope, SettleTask, Task, decode
from leveret_broker.errors import DecodeError
from leveret_broker.transport import Delivery, Subscription

JobKey: TypeAlias = tuple[str, int, int, int]
"""Task id, sequence, attempt, deaths: what comes once more after a lease was lost is another job."""


class Receipt:
    """What acknowledges a delivery; void once its subscription is lost."""

    __slots__ = ("_delivery", "_subscription", "earlier", "redelivered")

    def __init__(self, subscription: Subscription, delivery: Delivery) -> None:
        self._subscription = subscription
        self._delivery = delivery
        self.redelivered = delivery.redelivered
        self.earlier = delivery.earlier

    def acknowledge(self) -> None:
        """Acknowledge it."""
        self._subscription.acknowledge((self._delivery,))


class Holding:
    """A lease that a job wants, or has."""

    __slots__ = ("known", "lease", "told", "trip", "withdrawn")

    def __init__(self, lease: Lease) -> None:
        self.lease = lease
        """As the store has it, or is to have it."""
        self.known: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        """Whether the store gave it; not done while the store does not answer."""
        self.trip: asyncio.Future[None] | None = None
        """The store is being asked."""
        self.withdrawn = False
        """The attempt ended before the store was asked."""
        self.told = lease.progress
        """The progress that the store has."""

    @property
    def held(self) -> bool:
        """True once the store gave it."""
        return self.known.done() and not self.known.cancelled() and self.known.result()


class Job:
    """One attempt of a task, here."""

    __slots__ = (
        "attempt", "body", "comes_again", "earlier", "envelope", "free", "holding", "key", "lost", "over", "receipts",
        "redelivered", "room", "settled", "since", "task", "told",
    )  # fmt: skip

    def __init__(self, envelope: Envelope, task: Task, body: bytes, receipt: Receipt) -> None:
        self.envelope = envelope
        self.task = task
        self.body = body
        self.key: JobKey = (task.task_id, task.sequence, task.attempt, task.deaths)
        """What a second delivery of the same attempt has in common with this one."""
        self.receipts = [receipt]
        """Several when it was delivered again while it ran, after a lost connection."""
        self.attempt: Interruptible | None = None
        self.free = True
        """False while the function runs, even if it was given up: it takes a slot."""
        self.over = False
        """It is known how it ended."""
        self.lost = False
        """Its delivery went back to the broker, with the subscription."""
        self.settled = False
        """What follows from it is confirmed."""
        self.comes_again = False
        """What follows is this same attempt, later: it is not over."""
        self.redelivered = receipt.redelivered
        """True when an earlier worker may have seen it."""
        self.earlier = receipt.earlier
        """How often it was delivered before."""
        self.since = 0.0
        """When it was started, or began to wait for a slot, by the loop's clock."""
        self.holding: Holding | None = None
        """Its lease, once it wants one."""
        self.room = ""
        """What names its key, if it has one that is limited."""
        self.told: list[asyncio.Future[None]] = []
        """Events about it that are on their way."""

    @property
    def order(self) -> tuple[int, int, int]:
        """What is later takes the place of what is earlier; as `Lease.order`."""
        return self.task.sequence, self.task.attempt, self.task.deaths

    @property
    def meta(self) -> Mapping[str, str]:
        """What the next attempt gets: the function may have changed it."""
        return self.task.meta if self.attempt is None else self.attempt.context.meta

    @property
    def progress(self) -> Payload | None:
        """What this attempt, or else the one before, said last of how far it had come."""
        return self.task.progress if self.attempt is None else self.attempt.context.said

    @property
    def news(self) -> Payload | None:
        """Progress that the store does not have yet."""
        progress = self.progress
        told = self.task.progress if self.holding is None else self.holding.told
        return None if progress == (told or None) else progress

    @property
    def ended_without_lease(self) -> bool:
        """The attempt is over, and the store has no lease that would say so to whoever gets it once more."""
        return self.settled and self.holding is None and not self.comes_again

    def elapsed(self, clock: Callable[[], float]) -> float:
        """Return the seconds since the first attempt of its task began; `clock` gives Unix time."""
        if self.task.began:
            return max(0.0, clock() - self.task.began)
        return asyncio.get_running_loop().time() - self.since

    def take_over(self, other: Job) -> None:
        """Have this one's acknowledgement cover a second delivery of the same attempt."""
        self.receipts.extend(other.receipts)
        self.lost = False
        if self.holding is not None and self.holding.held:
            self.acknowledge()

    def acknowledge(self) -> None:
        """Acknowledge all its deliveries, each once."""
        receipts, self.receipts = self.receipts, []
        for receipt in receipts:
            receipt.acknowledge()


def read(body: bytes, receipt: Receipt) -> Job | SettleTask | AskTask | EndTask:
    """Return the task in `body` as a job, or a request about one; raises `DecodeError`."""
    envelope = decode(body)
    if isinstance(envelope.message, SettleTask | AskTask | EndTask):
        return envelope.message
    if not isinstance(envelope.message, Task):
        raise DecodeError(f"a {type(envelope.message).__name__} in the queue of a service, where only tasks belong")
    return Job(envelope, envelope.message, body, receipt)
