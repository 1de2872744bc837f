"""A task that was taken, from its delivery to its acknowledgement."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from leveret_actors.service.attempt import Attempt
from leveret_broker.envelope import Envelope, Task, decode
from leveret_broker.errors import DecodeError
from leveret_broker.transport import Delivery, Subscription

JobKey: TypeAlias = tuple[str, int, int]
"""Task id, sequence, attempt."""


class Receipt:
    """What acknowledges a delivery; void once its subscription is lost."""

    __slots__ = ("_delivery", "_subscription", "redelivered")

    def __init__(self, subscription: Subscription, delivery: Delivery) -> None:
        self._subscription = subscription
        self._delivery = delivery
        self.redelivered = delivery.redelivered

    def acknowledge(self) -> None:
        """Acknowledge it."""
        self._subscription.acknowledge((self._delivery,))


class Job:
    """One attempt of a task, here."""

    __slots__ = ("attempt", "body", "envelope", "free", "receipts", "settled", "task")

    def __init__(self, envelope: Envelope, task: Task, body: bytes, receipt: Receipt) -> None:
        self.envelope = envelope
        self.task = task
        self.body = body
        self.receipts = [receipt]
        """Several when it was delivered again while it ran, after a lost connection."""
        self.attempt: Attempt | None = None
        self.free = True
        """False while the function runs, even if it was given up: it takes a slot."""
        self.settled = False
        """What follows from it is confirmed."""

    @property
    def key(self) -> JobKey:
        """What a second delivery of the same attempt has in common with this one."""
        return self.task.task_id, self.task.sequence, self.task.attempt

    @property
    def redelivered(self) -> bool:
        """True when an earlier worker may have seen it."""
        return self.receipts[0].redelivered

    @property
    def meta(self) -> Mapping[str, str]:
        """What the next attempt gets: the function may have changed it."""
        return self.task.meta if self.attempt is None else self.attempt.context.meta

    def acknowledge(self) -> None:
        """Acknowledge all its deliveries."""
        for receipt in self.receipts:
            receipt.acknowledge()


def read(body: bytes, receipt: Receipt) -> Job:
    """Return the task in `body` as a job; raises `DecodeError`."""
    envelope = decode(body)
    if not isinstance(envelope.message, Task):
        raise DecodeError(f"a {type(envelope.message).__name__} in the queue of a service, where only tasks belong")
    return Job(envelope, envelope.message, body, receipt)
