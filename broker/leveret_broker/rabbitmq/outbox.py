"""What waits for sending, what waits for confirmation, and what may go out next. Pure: no clock, no socket."""

from __future__ import annotations

import asyncio
import itertools
from collections import deque
from typing import Any, Final

from leveret_broker import parcel
from leveret_broker.address import ControlExchange, EventTopic, MailboxQueue, ReplyQueue
from leveret_broker.rabbitmq.probe import Target

WINDOW: Final = 512
"""Unconfirmed messages to addresses without an order. Measured: 256 is 10 % slower, 1024 no faster."""


class Sending:
    """One AMQP message: a parcel for a mailbox queue, or a single body."""

    __slots__ = ("address", "attempts", "bodies", "delay", "futures", "headers")

    def __init__(self, address: Target, *, delay: float = 0.0, headers: dict[str, Any] | None = None) -> None:
        self.address = address
        self.delay = delay
        self.headers = headers
        self.bodies: list[bytes] = []
        self.futures: list[asyncio.Future[None]] = []
        self.attempts = 0
        """How many times the broker did not take it."""

    @property
    def data(self) -> bytes:
        """The AMQP body."""
        return parcel.pack(self.bodies) if isinstance(self.address, MailboxQueue) else self.bodies[0]

    @property
    def is_fleeting(self) -> bool:
        """True where nobody may be there to get it, so that writing it out is all there is to do."""
        return isinstance(self.address, ReplyQueue | ControlExchange)


class Lane:
    """What stays in order: to one mailbox queue, or events of one lane. At most one message of it is under way.

    Parcels fill meanwhile; events travel alone.
    """

    __slots__ = ("busy", "filling", "size", "waiting")

    def __init__(self) -> None:
        self.busy = False
        """A message is unconfirmed, or rests before it is sent again."""
        self.waiting: deque[Sending] = deque()
        """In order; the last parcel may still take bodies."""
        self.filling = False
        """True while the last of `waiting` has never been sent, and so may grow."""
        self.size = 0
        """Bytes in the filling parcel."""

    def add(self, address: MailboxQueue | EventTopic, body: bytes, future: asyncio.Future[None]) -> None:
        """Put a body behind all the others."""
        last = self.waiting[-1] if self.filling and isinstance(address, MailboxQueue) else None
        if last is None or not parcel.fits(len(last.bodies), self.size, body):
            last = Sending(address)
            self.waiting.append(last)
            self.size = 0
            self.filling = True
        last.bodies.append(body)
        last.futures.append(future)
        self.size += len(body)

    def next(self) -> Sending:
        """Return the parcel to send now."""
        self.busy = True
        sending = self.waiting.popleft()
        self.filling = self.filling and bool(self.waiting)
        return sending


class Outbox:
    """All that one process has published and the broker has not confirmed."""

    def __init__(self) -> None:
        self.count = 0
        """Bodies not yet confirmed."""
        self._lanes: dict[MailboxQueue | str, Lane] = {}
        """By mailbox queue, and by the name of a lane of events."""
        self._ready: deque[MailboxQueue] = deque()
        self._ready_events: deque[str] = deque()
        self._loose: deque[Sending] = deque()
        self._under_way: dict[int, Sending] = {}
        self._loose_under_way = 0
        self._resting: set[Sending] = set()

    def add(
        self, address: Target, body: bytes, future: asyncio.Future[None], delay: float, headers: dict[str, Any] | None
    ) -> None:
        """Take a body in, behind those of the same lane."""
        self.count += 1
        if isinstance(address, MailboxQueue | EventTopic):
            key = _lane_of(address)
            lane = self._lanes.get(key)
            if lane is None:
                lane = self._lanes[key] = Lane()
            if not lane.busy and not lane.waiting:
                self._now_ready(key)
            lane.add(address, body, future)
        else:
            sending = Sending(address, delay=delay, headers=headers)
            sending.bodies.append(body)
            sending.futures.append(future)
            self._loose.append(sending)

    def next(self) -> Sending | None:
        """Return a message that may go out now; `sent` must follow, or `put_back`."""
        if self._ready:
            return self._lanes[self._ready.popleft()].next()
        if self._loose and self._loose_under_way < WINDOW:
            self._loose_under_way += 1
            return self._loose.popleft()
        if self._ready_events and self._loose_under_way < WINDOW:
            self._loose_under_way += 1
            return self._lanes[self._ready_events.popleft()].next()
        return None

    def sent(self, number: int, sending: Sending) -> None:
        """Note that `sending` went out as `number`."""
        self._under_way[number] = sending

    def upto(self, number: int) -> list[int]:
        """Return the numbers under way up to this one."""
        return list(itertools.takewhile(lambda under_way: under_way <= number, self._under_way))

    def answered(self, number: int) -> Sending | None:
        """Return what `number` was; None when it has been given up meanwhile. `done` or `rest` must follow."""
        return self._under_way.pop(number, None)

    def done(self, sending: Sending) -> list[asyncio.Future[None]]:
        """Forget a message and return its futures."""
        self.count -= len(sending.bodies)
        self._resting.discard(sending)
        address = sending.address
        if not isinstance(address, MailboxQueue):
            self._loose_under_way -= 1
        if isinstance(address, MailboxQueue | EventTopic):
            key = _lane_of(address)
            lane = self._lanes[key]
            lane.busy = False
            if lane.waiting:
                self._now_ready(key)
            else:
                del self._lanes[key]
        return sending.futures

    def rest(self, sending: Sending) -> None:
        """Hold a message that the broker did not take; its lane holds with it, until `put_back`."""
        self._resting.add(sending)

    def put_back(self, sending: Sending) -> None:
        """Make a message the first to go out again."""
        self._resting.discard(sending)
        address = sending.address
        if not isinstance(address, MailboxQueue):
            self._loose_under_way -= 1
        if not isinstance(address, MailboxQueue | EventTopic):
            self._loose.appendleft(sending)
            return
        key = _lane_of(address)
        lane = self._lanes[key]
        lane.busy = False
        lane.waiting.appendleft(sending)
        self._now_ready(key)

    def take_back(self) -> list[Sending]:
        """The channel is gone: whatever was under way goes out again, in the old order. Return what was fleeting."""
        sendings = list(self._under_way.values())
        self._under_way.clear()
        for sending in reversed(sendings):
            if not sending.is_fleeting:
                self.put_back(sending)
        return [sending for sending in sendings if sending.is_fleeting]

    def blamed(self, limit: int) -> list[Sending]:
        """Count a channel error against all that is under way, and take out what has now seen `limit` of them."""
        for sending in self._under_way.values():
            sending.attempts += 1
        guilty = {number: sending for number, sending in self._under_way.items() if sending.attempts >= limit}
        for number in guilty:
            del self._under_way[number]
        return list(guilty.values())

    def abandon(self) -> list[asyncio.Future[None]]:
        """Give up on everything and return all futures; the outbox must not be used any more."""
        self.count = 0
        waiting = [sending for lane in self._lanes.values() for sending in lane.waiting]
        everything = [*self._under_way.values(), *self._resting, *waiting, *self._loose]
        return [future for sending in everything for future in sending.futures]

    def _now_ready(self, key: MailboxQueue | str) -> None:
        """Note that a lane has something to send and nothing under way."""
        if isinstance(key, MailboxQueue):
            self._ready.append(key)
        else:
            self._ready_events.append(key)


def _lane_of(address: MailboxQueue | EventTopic) -> MailboxQueue | str:
    return address if isinstance(address, MailboxQueue) else address.lane
