"""A connection that comes back."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import itertools
import logging
from collections.abc import AsyncGenerator, Awaitable
from typing import Final, TypeVar

import aiormq
from aiormq.abc import AbstractChannel, AbstractConnection
from aiormq.tools import censor_url
from loguru import logger
from yarl import URL

from leveret_broker.backoff import pause
from leveret_broker.errors import BrokerRefused, BrokerUnavailable, TransportClosed, TransportError
from leveret_broker.rabbitmq.failure import describe, translate, translated
from leveret_broker.rabbitmq.wire import closing_of

FIRST_PAUSE: Final = 0.2
LONGEST_PAUSE: Final = 5.0
"""Seconds between two attempts: doubled from the first to the longest, each cut by up to a half at random."""
ATTEMPT_SECONDS: Final = 10.0
"""How long the broker may take to answer one attempt."""
ANSWER_SECONDS: Final = 30.0
"""How long a call waits for a connection that is down, and for the broker's answer."""
CLOSE_SECONDS: Final = 5.0
"""How long a goodbye may take."""
HEARTBEAT: Final = 15
"""Seconds, unless the URL has `heartbeat`; aiormq gives up after three of them without a frame."""

T = TypeVar("T")
_ours: contextvars.ContextVar[bool] = contextvars.ContextVar("leveret_connection", default=False)


class Connection:
    """Keeps one connection to the broker up until it is closed or refused, and hands out channels of it."""

    def __init__(self, url: str, purpose: str, turn: asyncio.Lock) -> None:
        parsed = URL(url)
        query = {"heartbeat": str(HEARTBEAT), "name": f"leveret {purpose}"} | dict(parsed.query)
        self._url = parsed.with_query(query)
        self._label = str(censor_url(parsed.with_query(None)))
        self._purpose = purpose
        self._turn = turn
        """Held while trying: of several connections to one broker one tries, and logs, for all."""
        self._up: asyncio.Future[AbstractConnection] | None = None
        self._supervisor: asyncio.Task[None] | None = None
        self._closed = False
        self._opening = asyncio.Lock()
        """Held while a channel takes its number."""

    @property
    def is_up(self) -> bool:
        """True while the connection is there."""
        return self._current() is not None

    @property
    def blocked(self) -> bool:
        """True while the broker reads nothing from us because it lacks memory or disk."""
        connection = self._current()
        if connection is None:
            return False
        waiting = connection.ready()
        try:
            waiting.send(None)  # the public way to ask: it would wait only when blocked
        except StopIteration:
            return False
        waiting.close()
        return True

    async def unblocked(self) -> None:
        """Wait while `blocked`; a lost connection ends the wait as well."""
        connection = self._current()
        if connection is not None:
            closing = closing_of(connection)
            ready = asyncio.ensure_future(connection.ready())
            try:
                await asyncio.wait({ready, closing}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                ready.cancel()
                closing.cancel()

    async def open(self, deadline: float | None) -> None:
        """Begin, and wait for the first connection. Raises BrokerRefused, or BrokerUnavailable after `deadline`."""
        _quiet_aiormq()
        self._up = _new_future()
        self._supervisor = asyncio.create_task(self._supervise(), name=f"leveret {self._purpose} connection")
        await self.ready(deadline)

    async def ready(self, deadline: float | None = ANSWER_SECONDS) -> AbstractConnection:
        """Wait for the connection. Raises what ended it for good, or BrokerUnavailable after `deadline` seconds."""
        if self._up is None or self._closed:
            raise TransportClosed(f"the connection to {self._label} is closed")
        try:
            async with asyncio.timeout(deadline):
                while (connection := await asyncio.shield(self._up)).is_closed:  # noqa: ASYNC110 - rare and short
                    await asyncio.sleep(0.01)  # the supervisor is about to notice
                return connection
        except TimeoutError:
            raise BrokerUnavailable(f"no connection to {self._label} within {deadline:.3g} s") from None

    async def channel(self, *, confirms: bool = False, deadline: float | None = ANSWER_SECONDS) -> AbstractChannel:
        """Open a channel, waiting for the connection."""
        connection = await self.ready(deadline)
        token = _ours.set(True)
        try:
            with translated("opening a channel"):
                return await answered(self._lowest_channel(connection, confirms=confirms))
        finally:
            _ours.reset(token)

    async def _lowest_channel(self, connection: AbstractConnection, *, confirms: bool) -> AbstractChannel:
        """Open a channel with the lowest free number.

        aiormq takes the one above the highest, which creeps up with each queue that is lost and subscribed to again,
        until the broker closes the connection for a number above its limit (2 047), though few channels are open.
        """
        async with self._opening:
            number = next(number for number in itertools.count(1) if number not in connection.channels)
            if 0 < connection.connection_tune.channel_max < number:
                text = (
                    f"all {number - 1} channels that the broker allows are in use: spread the workflows over more nodes"
                )
                raise BrokerRefused(text)
            return await connection.channel(number, publisher_confirms=confirms, frame_buffer_size=256)

    @contextlib.asynccontextmanager
    async def brief_channel(self) -> AsyncGenerator[AbstractChannel]:
        """Open a channel for a few questions: an error answer costs the channel, so each asker has its own."""
        channel = await self.channel()
        try:
            yield channel
        finally:
            await close_channel(channel)

    @contextlib.asynccontextmanager
    async def apart(self) -> AsyncGenerator[AbstractConnection]:
        """Open one more connection for a moment, for what may cost a connection."""
        await self.ready()
        token = _ours.set(True)
        try:
            connection = await self._attempt()
            try:
                yield connection
            finally:
                await _close_quietly(connection)
        finally:
            _ours.reset(token)

    async def close(self) -> None:
        """End the connection and every wait for it."""
        if self._closed:
            return
        self._closed = True
        connection = self._current()
        if self._supervisor is not None:
            self._supervisor.cancel()
            await asyncio.gather(self._supervisor, return_exceptions=True)
        self._fail(TransportClosed(f"the connection to {self._label} is closed"))
        if connection is not None:
            await _close_quietly(connection)

    def _current(self) -> AbstractConnection | None:
        up = self._up
        if up is None or not up.done() or up.cancelled() or up.exception() is not None:
            return None
        connection = up.result()
        return None if connection.is_closed else connection

    async def _supervise(self) -> None:
        """Connect, wait until the connection is lost, and so on."""
        _ours.set(True)
        opened = False
        try:
            while True:
                async with self._turn:
                    connection = await self._connect()
                assert self._up is not None
                self._up.set_result(connection)
                opened = True
                await asyncio.wait({closing := closing_of(connection)})
                self._up = _new_future()
                logger.warning("Lost the {} connection to {}: {}", self._purpose, self._label, _reason(closing))
                await _close_quietly(connection)
        except BrokerRefused as refusal:
            if opened:  # before that, `open` raises it
                logger.error("The {} connection was refused {}", self._purpose, refusal)
            self._fail(refusal)
        except Exception as error:  # ours is the mistake; whoever waits must know
            logger.exception("The {} connection's supervisor failed", self._purpose)
            self._fail(BrokerUnavailable(f"internal error: {error!r}"))

    async def _connect(self) -> AbstractConnection:
        """Try until there is a connection; one line per failure. Raises BrokerRefused."""
        attempt = 0
        while True:
            attempt += 1
            try:
                return await self._attempt()
            except BrokerUnavailable as error:
                wait = pause(attempt, first=FIRST_PAUSE, longest=LONGEST_PAUSE)
                logger.warning(
                    "No {} connection {}; attempt {}, next one in {:.1f} s", self._purpose, error, attempt, wait
                )  # fmt: skip
                await asyncio.sleep(wait)

    async def _attempt(self) -> AbstractConnection:
        try:
            async with asyncio.timeout(ATTEMPT_SECONDS):
                return await aiormq.connect(self._url)
        except (Exception, asyncio.CancelledError) as error:
            task = asyncio.current_task()
            if isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling():
                raise
            raise translate(error, f"connecting to {self._label}") from error

    def _fail(self, error: TransportError) -> None:
        if self._up is None or (self._up.done() and self._up.exception() is None):
            self._up = _new_future()
        if not self._up.done():
            self._up.set_exception(error)
            self._up.exception()


async def answered(awaitable: Awaitable[T], seconds: float = ANSWER_SECONDS) -> T:
    """Wait for the broker's answer for at most `seconds`."""
    try:
        async with asyncio.timeout(seconds):
            return await awaitable
    except asyncio.CancelledError:  # aiormq cancels who waits on a connection that we close
        if (task := asyncio.current_task()) is not None and task.cancelling():
            raise
        raise BrokerUnavailable("the connection was closed") from None


async def close_channel(channel: AbstractChannel) -> bool:
    """Close a channel and wait until the broker has done so, for a few seconds; tell whether it has."""
    try:
        async with asyncio.timeout(CLOSE_SECONDS):
            await channel.close()
        return not channel.connection.is_closed  # aiormq keeps to itself what went wrong
    except Exception as error:
        logger.debug("A channel did not close well: {!r}", error)
    except asyncio.CancelledError:  # aiormq ends its own waiters so; only a real cancellation goes on
        if (task := asyncio.current_task()) is not None and task.cancelling():
            raise
    return False


def _new_future() -> asyncio.Future[AbstractConnection]:
    return asyncio.get_running_loop().create_future()


def _reason(closing: asyncio.Future[None]) -> str:
    return "closed" if closing.cancelled() else describe(closing.exception())


async def _close_quietly(connection: AbstractConnection) -> None:
    with contextlib.suppress(Exception):
        async with asyncio.timeout(CLOSE_SECONDS):
            await connection.close()


class _DropOurs(logging.Filter):
    """aiormq logs each failure itself, over several lines; for our connections the supervisor's line is enough."""

    def filter(self, record: logging.LogRecord) -> bool:
        return record.levelno < logging.WARNING or not _ours.get()


_drop_ours = _DropOurs()


def _quiet_aiormq() -> None:
    for name in ("aiormq.connection", "aiormq.channel"):
        logging.getLogger(name).addFilter(_drop_ours)
