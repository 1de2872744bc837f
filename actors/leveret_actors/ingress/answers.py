"""The router of answers: envelopes for applications become JSON in the queue that they named.

An answer may come days after the question, to another node. So where it goes stands in the envelope's caller, and the
answer waits in a durable queue until some node has passed it on.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Final

from loguru import logger

from leveret_actors.actor import ActorAddress
from leveret_actors.ingress.command import ReplyAddress, reply_address
from leveret_actors.ingress.replies import reply, reply_of
from leveret_actors.mailbox.directory import Directory
from leveret_actors.patience import Patience
from leveret_broker.address import ANSWERS, DEAD_LETTERS
from leveret_broker.codec import Codec
from leveret_broker.envelope import AwaitResult, Envelope, Started, decode, encode
from leveret_broker.errors import DecodeError, PublishFailed
from leveret_broker.ids import message_digest
from leveret_broker.transport import Subscription, Transport

PREFETCH: Final = 256


class AnswerRouter:
    """Passes answers on; any number of nodes may run one. An answer may be passed on twice."""

    def __init__(
        self, transport: Transport, directory: Directory, codec: Codec, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._transport = transport
        self._directory = directory
        self._codec = codec
        self._clock = clock

    async def run(self) -> None:
        """Route until cancelled; raises `TransportClosed` when the transport is, and `BrokerRefused`."""
        await Patience("the router of answers").persist(self._route)

    async def _route(self) -> None:
        async with await self._transport.subscribe_service(ANSWERS, PREFETCH) as subscription:
            await self._route_from(subscription)

    async def _route_from(self, subscription: Subscription) -> None:
        while True:
            deliveries = await subscription.take()
            sending = [await self._pass_on(body) for one in deliveries for body in one.bodies]
            waiting = [one for one in sending if one is not None]
            for error in await asyncio.gather(*waiting, return_exceptions=True):
                if isinstance(error, PublishFailed):
                    logger.error("an answer cannot be passed on: {}", error)
                elif isinstance(error, BaseException):
                    raise error
            subscription.acknowledge(deliveries)
            await self._transport.flow()

    async def _pass_on(self, body: bytes) -> asyncio.Future[None] | None:
        try:
            envelope = decode(body)
            to = reply_address(envelope.id)
        except DecodeError as error:
            return self._transport.publish(DEAD_LETTERS, body, reason=str(error), source=str(ANSWERS))
        message = envelope.message
        if to.wants == "result" and isinstance(message, Started) and not message.conflict:
            return await self._await_holder(to, message)
        said = reply_of(to, message, self._codec)
        return None if said is None else reply(self._transport, to, said)

    async def _await_holder(self, to: ReplyAddress, message: Started) -> asyncio.Future[None]:
        """Have the one that holds the unique tag answer: the start that asked has started nobody."""
        await self._directory.learn((to.name,))
        identity = message_digest(f"{to.key} {to.to} {to.correlation}").hex()
        envelope = Envelope(f"{identity}/await", message.instance, AwaitResult(to.caller), message.run, self._clock())
        queue = self._directory.resolve(ActorAddress(to.name, message.instance))
        return self._transport.publish(queue, encode(envelope))
