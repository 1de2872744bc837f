"""Writes what the outbox lets out, hears the broker's answers, and starts over when a channel is lost."""

from __future__ import annotations

import asyncio
from typing import Any, Final

import aiormq.exceptions as amqp
from aiormq.abc import AbstractChannel
from loguru import logger

from leveret_broker.address import (
    COMMANDS,
    NORMAL,
    CommandExchange,
    EventTopic,
    ListenerQueue,
    MailboxQueue,
    ServiceQueue,
)
from leveret_broker.backoff import pause
from leveret_broker.errors import (
    BrokerRefused,
    BrokerUnavailable,
    LeveretError,
    PublishFailed,
    TransportClosed,
    TransportError,
)
from leveret_broker.priorities import Fallback
from leveret_broker.rabbitmq.connection import Connection, close_channel
from leveret_broker.rabbitmq.declarer import Declarer
from leveret_broker.rabbitmq.failure import NotThere
from leveret_broker.rabbitmq.inlet import Answer
from leveret_broker.rabbitmq.outbox import Outbox, Sending
from leveret_broker.rabbitmq.probe import Probe, Target
from leveret_broker.rabbitmq.tasks import Tasks
from leveret_broker.rabbitmq.topology import Topology, rung
from leveret_broker.rabbitmq.wire import BatchWriter, closing_of

HIGH_WATER: Final = 10_000
"""Unconfirmed bodies from which on `flow` waits."""
EVENT_TYPE: Final = "application/cloudevents+json"
"""Content type of events: of a CloudEvent in structured mode."""
BATCH_BYTES: Final = 1024 * 1024
"""About how much is written at once."""
CHANNEL_ERRORS: Final = 5
"""A message that was under way at this many channel errors is given up: it may be their cause."""


class Publisher:
    """The one sender of a transport."""

    def __init__(self, connection: Connection, declarer: Declarer, topology: Topology) -> None:
        self._connection = connection
        self._declarer = declarer
        self._topology = topology
        self._outbox = Outbox()
        self._wake = asyncio.Event()
        self._tasks = Tasks()
        self._fallback = Fallback()
        self._waiting: list[tuple[int, asyncio.Future[None]]] = []
        self._ended: LeveretError | None = None
        self._started = False

    def start(self) -> None:
        """Begin to send."""
        self._started = True
        self._tasks.spawn(self._run(), "publisher")

    def publish(
        self, address: Target, body: bytes, delay: float, headers: dict[str, Any] | None
    ) -> asyncio.Future[None]:
        """Queue a body; see the contract."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self._ended is not None:
            _fail([future], self._ended)
            return future
        self._outbox.add(address, body, future, delay, headers)
        self._wake.set()
        return future

    async def below(self, limit: int) -> None:
        """Wait until fewer than `limit` bodies are unconfirmed. Raises what ended the publisher."""
        if self._ended is not None:
            raise self._ended
        if self._outbox.count >= limit:
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append((limit, future))
            await future

    async def close(self, seconds: float) -> None:
        """Send what is there, for at most `seconds`; the rest fails with TransportClosed."""
        if self._ended is None and self._started:
            try:
                async with asyncio.timeout(seconds):
                    await self.below(1)
            except (TimeoutError, TransportError):
                logger.warning("Closing with {} unconfirmed messages", self._outbox.count)
        self._end(TransportClosed("the transport is closed"))
        await self._tasks.cancel()

    # -- the pump ------------------------------------------------------------------------------------------------------

    async def _run(self) -> None:
        """Open a channel, feed it until it is lost, take back what was under way, and again."""
        failures = 0
        try:
            while True:
                try:
                    channel = await self._open_channel()
                except BrokerUnavailable as error:
                    logger.debug("The publisher waits for the broker: {}", error)
                    failures += 1
                else:
                    failures = 0 if await self._feed(channel) else failures + 1
                await asyncio.sleep(_pause(failures))
        except (BrokerRefused, TransportClosed) as error:
            self._end(PublishFailed(str(error)))
        except Exception as error:
            self._end(PublishFailed(f"internal error: {error!r}"))
            raise

    async def _open_channel(self) -> AbstractChannel:
        await self._declarer.base()
        return await self._connection.channel(confirms=True, deadline=None)

    async def _feed(self, channel: AbstractChannel) -> bool:
        """Write until the channel is gone; tell whether it went with its connection."""
        writer = BatchWriter(channel, self._answered)
        closing = closing_of(channel)
        closing.add_done_callback(lambda _: self._wake.set())
        try:
            while not closing.done():
                self._wake.clear()
                if await self._collect(writer):
                    await writer.write()
                else:
                    await self._wake.wait()
        finally:
            error = closing.exception() if closing.done() and not closing.cancelled() else None
            if not closing.done():
                await close_channel(channel)
            writer.end()
            self._take_back(error)
        return not isinstance(error, amqp.AMQPChannelError)

    async def _collect(self, writer: BatchWriter) -> bool:
        """Put what may go out into the batch; tell whether there was anything."""
        found = False
        while writer.size < BATCH_BYTES and (sending := self._outbox.next()) is not None:
            if sending.delay > 0 and not await self._ladder_stands(sending):
                continue
            exchange, routing_key, mandatory = self._topology.route(sending.address, sending.delay)
            kind = EVENT_TYPE if isinstance(sending.address, EventTopic | ListenerQueue) else ""
            try:
                number = writer.add(
                    exchange, routing_key, sending.data, mandatory=mandatory, headers=sending.headers, content_type=kind
                )
            except Exception as error:  # must not end the sender of all the others
                self._give_up(sending, PublishFailed(f"AMQP cannot carry it: {error}"))
                continue
            found = True
            self._outbox.sent(number, sending)
        return found

    async def _ladder_stands(self, sending: Sending) -> bool:
        """Declare what a delayed message needs; when that fails, the message rests or fails."""
        address = sending.address
        assert isinstance(address, ServiceQueue)
        seconds = rung(sending.delay)
        if self._declarer.knows(address, seconds):
            return True
        self._outbox.rest(sending)
        self._tasks.spawn(self._declare_and_send(sending), "ladder")
        return False

    def _take_back(self, error: BaseException | None) -> None:
        self._declarer.forget()
        if isinstance(error, amqp.AMQPChannelError) and not isinstance(error, amqp.ChannelNotFoundEntity):
            logger.error("The broker closed the publishing channel: {}", error)
            for sending in self._outbox.blamed(CHANNEL_ERRORS):
                self._give_up(sending, PublishFailed(f"the broker does not take it: {error}"))
        for sending in self._outbox.take_back():
            self._confirm(sending)

    # -- the answers ---------------------------------------------------------------------------------------------------

    def _answered(self, number: int, answer: Answer, multiple: bool) -> None:
        for one in self._outbox.upto(number) if multiple else (number,):
            sending = self._outbox.answered(one)
            if sending is None:
                continue
            if answer is Answer.CONFIRMED:
                self._confirm(sending)
            else:
                self._not_taken(sending, returned=answer is Answer.RETURNED)

    def _not_taken(self, sending: Sending, *, returned: bool) -> None:
        sending.attempts += 1
        self._outbox.rest(sending)
        if returned:
            self._tasks.spawn(self._declare_and_send(sending), "declare")
        else:
            logger.debug("The broker did not take a message for {}; sending it again", sending.address)
            asyncio.get_running_loop().call_later(_pause(sending.attempts), self._again, sending)

    async def _declare_and_send(self, sending: Sending) -> None:
        """Declare what a message is for, and send it again; a task, if need be, without its priority."""
        address = sending.address
        try:
            if isinstance(address, ServiceQueue) and sending.delay > 0:
                await self._declarer.delayed(address, rung(sending.delay))
            elif isinstance(address, ServiceQueue) and address.priority != NORMAL:
                sending.address = self._fallback.of(address)
            elif isinstance(address, MailboxQueue | ServiceQueue | ListenerQueue):
                await self._declarer.queue(address)
            elif isinstance(address, CommandExchange):
                await self._declarer.queue(COMMANDS)
            elif isinstance(address, Probe):
                self._give_up(sending, PublishFailed(f"the queue {address.queue} is gone"))
                return
            else:
                self._declarer.forget()
                await self._declarer.base()
        except (BrokerRefused, TransportClosed) as error:
            self._give_up(sending, PublishFailed(f"nothing to send to: {error}"))
            return
        except TransportError as error:
            if isinstance(error, NotThere) and isinstance(address, ServiceQueue) and address.priority != NORMAL:
                sending.address = self._fallback.of(address)
            else:
                logger.debug("Could not declare what {} needs: {}", address, error)
                sending.attempts += 1
        if sending.attempts > 1:
            await asyncio.sleep(_pause(sending.attempts))
        self._again(sending)

    def _again(self, sending: Sending) -> None:
        if self._ended is None:
            self._outbox.put_back(sending)
            self._wake.set()

    def _confirm(self, sending: Sending) -> None:
        for future in self._outbox.done(sending):
            if not future.done():
                future.set_result(None)
        self._progress()

    def _give_up(self, sending: Sending, error: LeveretError) -> None:
        if self._ended is None:
            _fail(self._outbox.done(sending), error)
            self._progress()

    def _progress(self) -> None:
        self._wake.set()
        if self._waiting:
            for limit, future in self._waiting:
                if self._outbox.count < limit and not future.done():
                    future.set_result(None)
            self._waiting = [(limit, future) for limit, future in self._waiting if not future.done()]

    def _end(self, error: LeveretError) -> None:
        if self._ended is None:
            self._ended = error
            _fail(self._outbox.abandon(), error)
            _fail([future for _limit, future in self._waiting], error)
            self._waiting.clear()


def _fail(futures: list[asyncio.Future[None]], error: LeveretError) -> None:
    for future in futures:
        if not future.done():
            future.set_exception(error)
            future.exception()  # seen: nobody has to look at it


def _pause(failures: int) -> float:
    """Return seconds to wait after so many failures in a row; nothing after none."""
    return pause(failures, first=0.05, longest=5.0) if failures else 0.0
