"""A bridge at work: takes what others published, sends what it becomes, acknowledges what the broker then holds."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from loguru import logger

from leveret_actors.bridge.crossing import Crossing, Passed
from leveret_actors.bridge.event import Unfit
from leveret_actors.ingress import Command, CommandRefused, Sender
from leveret_actors.patience import Patience
from leveret_broker.address import DEAD_LETTERS
from leveret_broker.command import decode_command
from leveret_broker.errors import (
    BrokerUnavailable,
    ConfigurationError,
    LeveretError,
    PublishFailed,
    StoreRefused,
    StoreUnavailable,
    TransportClosed,
)
from leveret_broker.foreign import ForeignSource, again_queue, letters_source
from leveret_broker.transport import Delivery, Subscription, Transport

FIRST_PAUSE: Final = 0.2
LONGEST_PAUSE: Final = 10.0
"""Seconds between two attempts to reach what a bridge reads."""
AT_ONCE: Final = 100
"""Dead letters judged again at a time."""


class _NotYet(LeveretError):
    """Raised where waiting helps."""


class BridgeRunner:
    """Keeps a subscription to what one bridge reads.

    Messages are sent in their order, and acknowledged once the broker holds what they became; nobody waits for one
    alone. One that comes again has the same ids, by which its receivers drop it.
    """

    def __init__(self, crossing: Crossing, transport: Transport, sender: Sender, *, again: bool = False) -> None:
        """Prepare; `sender` is used by this runner alone. `again`: take dead letters that are to be judged again."""
        bridge = crossing.bridge
        self._crossing = crossing
        self._transport = transport
        self._sender = sender
        self._source = ForeignSource(bridge.name, bridge.exchange, tuple(bridge.keys), bridge.queue)
        self._again = again
        self._settling: set[asyncio.Task[None]] = set()
        final = (TransportClosed, ConfigurationError, StoreRefused)
        self._patience = Patience(str(self), first=FIRST_PAUSE, longest=LONGEST_PAUSE, final=final)

    async def run(self) -> None:
        """Bridge until cancelled; raises `TransportClosed`, and `ConfigurationError` where nobody could publish."""
        await self._patience.persist(self._bridge)

    async def _bridge(self) -> None:
        if self._source.queue:
            await self._workflow_is_known()  # before messages are kept from its other consumers
        async with await self._subscribe() as subscription:
            try:
                await self._workflow_is_known()  # the queue of our own is bound, and fills meanwhile
                await self._serve(subscription)
            finally:
                for task in self._settling:
                    task.cancel()

    def __str__(self) -> str:
        """Name it."""
        return f"bridge {self._crossing.bridge.name!r}"

    async def _subscribe(self) -> Subscription:
        if self._again:
            return await self._transport.subscribe_service(again_queue(self._crossing.bridge.name), AT_ONCE)
        return await self._transport.subscribe_foreign(self._source)

    async def _workflow_is_known(self) -> None:
        """Leave messages where they are until there is somebody who could want them."""
        workflow = self._crossing.bridge.workflow
        if not await self._sender.knows(workflow):
            text = f"no node of this namespace has ever had the workflow {workflow!r}: start one, or correct the name"
            raise _NotYet(text)

    async def _serve(self, subscription: Subscription) -> None:
        if not self._again:
            logger.info("{} reads the {}", self, self._source)
        while True:
            deliveries = await subscription.take()
            await self._cross(subscription, deliveries)
            self._patience.rewarded()

    async def _cross(self, subscription: Subscription, deliveries: Sequence[Delivery]) -> None:
        """Send what these become; the rest happens once the broker has confirmed it."""
        commands: list[Command] = []
        crossed: list[Delivery] = []
        given_up: list[tuple[Delivery, str]] = []
        for delivery in deliveries:
            try:
                found = self._crossing.judge(decode_command(delivery.bodies[0]))
            except Unfit as unfit:
                given_up.append((delivery, str(unfit)))
                continue
            if not isinstance(found, Passed):
                commands.append(found)
                crossed.append(delivery)
        sent = await self._send(commands)
        settle = self._settle(subscription, deliveries, crossed, sent, given_up)
        task = asyncio.create_task(settle, name=f"{self} settles")
        self._settling.add(task)
        task.add_done_callback(self._settling.discard)

    async def _send(self, commands: Sequence[Command]) -> list[asyncio.Future[None]]:
        """Send in order, waiting for broker and store as long as it takes: nothing was sent while it raises."""
        patience = Patience(f"{self} cannot send yet", first=FIRST_PAUSE, longest=5.0)
        while True:
            try:
                return await self._sender.send(commands)
            except (BrokerUnavailable, StoreUnavailable) as error:
                patience.complain(error)
                await patience.rest()

    async def _settle(
        self,
        subscription: Subscription,
        deliveries: Sequence[Delivery],
        crossed: Sequence[Delivery],
        sent: Sequence[asyncio.Future[None]],
        given_up: list[tuple[Delivery, str]],
    ) -> None:
        """Give up what cannot be carried out, then acknowledge everything."""
        try:
            await self._give_up(crossed, await asyncio.gather(*sent, return_exceptions=True), given_up)
        except LeveretError as error:
            logger.warning("{}: messages stay unacknowledged: {}", self, error)
        else:
            subscription.acknowledge(deliveries)

    async def _give_up(
        self, crossed: Sequence[Delivery], results: Sequence[object], given_up: list[tuple[Delivery, str]]
    ) -> None:
        """Send the dead letters, and wait until the broker holds them; raises what kept anything from being sent."""
        for delivery, result in zip(crossed, results, strict=True):
            if isinstance(result, CommandRefused | PublishFailed):
                given_up.append((delivery, str(result)))
            elif isinstance(result, BaseException):
                raise result
        source = letters_source(self._crossing.bridge.name)
        buried: list[asyncio.Future[None]] = []
        for delivery, reason in given_up:
            logger.warning("{}: a message is a dead letter: {}", self, reason)
            buried.append(self._transport.publish(DEAD_LETTERS, delivery.bodies[0], reason=reason, source=source))
        await asyncio.gather(*buried)
