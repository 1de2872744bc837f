"""Which services are paused: what the store says, asked once a second, and clients who want it changed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from loguru import logger

from leveret_actors.store.contract import Store
from leveret_broker.address import ReplyQueue
from leveret_broker.envelope import Done, Envelope, PauseService, decode, encode
from leveret_broker.errors import BrokerUnavailable, DecodeError, StoreError
from leveret_broker.transport import Subscription, Transport

ASK: Final = 1.0
"""Seconds between two looks into the store; at once after a client asked this node for a change."""
IDLE: Final = 0.05
"""Seconds between two looks whether what runs in a paused service has ended."""


class Pauses:
    """One for a node. What the store said last holds while it is away.

    A client has no store: it asks all nodes on the control exchange, and each writes it down; the first answer counts.
    """

    def __init__(self, store: Store, transport: Transport) -> None:
        self._store = store
        self._transport = transport
        self._paused: frozenset[str] | None = None
        self._look = asyncio.Event()
        self._news = asyncio.Event()
        self._open: set[asyncio.Task[None]] = set()

    def is_paused(self, service: str) -> bool:
        """Tell whether a service may begin nothing; nobody knows it to be before the store has answered once."""
        return self._paused is not None and service in self._paused

    async def run(self) -> None:
        """Look again and again."""
        subscription: Subscription | None = None
        try:
            while True:
                self._look.clear()
                await self._ask()
                subscription = subscription or await self._listen()
                try:
                    async with asyncio.timeout(ASK):
                        await self._look.wait()
                except TimeoutError:
                    continue
        finally:
            for task in tuple(self._open):
                task.cancel()
            if subscription is not None:
                await subscription.close()

    async def until(self, service: str, *, paused: bool) -> None:
        """Wait until a service is paused, or is not, by what the store said."""
        while self._paused is None or (service in self._paused) is not paused:
            await self._news.wait()

    async def rest(self, service: str, idle: Callable[[], bool], go_on: Callable[[], None]) -> None:
        """Return once a service is paused and idle; `go_on` is called when it is resumed before that."""
        while True:
            await self.until(service, paused=True)
            logger.info("service {} is paused: it begins nothing more", service)
            while self.is_paused(service):
                if idle():
                    return
                await asyncio.sleep(IDLE)
            go_on()

    async def _listen(self) -> Subscription | None:
        """Hear clients; None when the broker does not answer now."""
        try:
            return await self._transport.subscribe_control(self._hear)
        except BrokerUnavailable as error:
            logger.warning("cannot hear who wants services paused: {}", error)
            return None

    async def _ask(self) -> None:
        try:
            found = frozenset(await self._store.paused())
        except StoreError as error:
            logger.warning("cannot look up which services are paused: {}", error)
            return
        if found != self._paused:
            self._paused = found
            news, self._news = self._news, asyncio.Event()
            news.set()

    def _hear(self, body: bytes) -> None:
        try:
            message = decode(body).message
        except DecodeError:
            return  # the services say so
        if isinstance(message, PauseService):
            task = asyncio.create_task(self._change(message), name=f"pause or resume {message.service}")
            self._open.add(task)
            task.add_done_callback(self._open.discard)

    async def _change(self, message: PauseService) -> None:
        """Write a change down, and answer; a node that cannot write leaves the answer to others."""
        try:
            await self._store.pause(message.service, paused=message.paused)
        except StoreError as error:
            logger.warning("service {} cannot be paused or resumed: {}", message.service, error)
            return
        self._look.set()
        text = f"service {message.service} {'is paused' if message.paused else 'goes on'}"
        answer = Done(found=True, count=1, text=text)  # who was the first to write it tells nothing: all do
        envelope = Envelope(message.caller.request, "", answer)
        self._transport.publish(ReplyQueue(message.caller.client), encode(envelope))
