"""How a worker gets at its tasks: it subscribes, takes, and subscribes again after whatever ended that."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias

from loguru import logger

from leveret_actors.patience import FINAL, Patience
from leveret_actors.service.pausing import Pauses
from leveret_actors.service.waiting import side_by_side, until
from leveret_broker.address import NORMAL, PRIORITIES, ServiceQueue
from leveret_broker.transport import Delivery, Subscription, Transport

Receive: TypeAlias = Callable[[Subscription, Sequence[Delivery]], Awaitable[None]]
"""Given what was taken."""


class Taking:
    """Takes the tasks of one service, not while it is paused; one subscription for each priority that it has.

    A service that has no priorities any more is still served from the queues that it had for them.
    `prepare` is awaited before each subscription. `prefetch` says how many to hold unacknowledged from each of so many
    queues. `idle` tells whether all that runs has ended, or needs its deliveries no more; `go_on` is called when a
    pause is over before that. `lost` is called before a subscription is given up, `forget` whenever what was taken and
    not acknowledged goes back, `unheard` when the last acknowledgements may not have got through.
    """

    def __init__(
        self,
        transport: Transport,
        service: str,
        receive: Receive,
        *,
        prioritised: bool,
        prepare: Callable[[], Awaitable[None]],
        prefetch: Callable[[int], int],
        pauses: Pauses | None,
        idle: Callable[[], bool],
        go_on: Callable[[], None],
        lost: Callable[[], None],
        forget: Callable[[], None],
        unheard: Callable[[], None],
    ) -> None:
        self._transport = transport
        self._service = service
        self._receive = receive
        self._prepare = prepare
        self._prefetch = prefetch
        self._pauses = pauses
        self._idle = idle
        self._go_on = go_on
        self._lost = lost
        self._forget = forget
        self._unheard = unheard
        self._queues = [ServiceQueue(service, priority) for priority in PRIORITIES] if prioritised else []
        self.subscriptions: list[Subscription] = []

    async def run(self) -> None:
        """Take until cancelled; raises `TransportClosed` and `BrokerRefused`."""
        await Patience(f"service {self._service}").persist(self._attend)

    async def _attend(self) -> None:
        """Take until the service is paused, or something comes between."""
        try:
            await self._prepare()
            if self._pauses is not None:
                await self._pauses.until(self._service, paused=False)
            await self._subscribe()
            await until(self._rest(), side_by_side(*map(self._take_from, self.subscriptions)))
        except FINAL:
            raise
        except Exception:
            await self._lose()
            raise
        await self._lose()

    async def give_back(self) -> None:
        """Give back what was not acknowledged."""
        self._forget()
        subscriptions, self.subscriptions = self.subscriptions, []
        for subscription in subscriptions:
            await subscription.close()
        if any(subscription.lost for subscription in subscriptions):
            self._unheard()

    async def _subscribe(self) -> None:
        if not self._queues:
            self._queues = await self._there()
        prefetch = self._prefetch(len(self._queues))
        for queue in self._queues:
            self.subscriptions.append(await self._transport.subscribe_service(queue, prefetch))

    async def _there(self) -> list[ServiceQueue]:
        """Return the queue that every service has, and those of other priorities that exist."""
        found = [ServiceQueue(self._service)]
        for priority in PRIORITIES:
            queue = ServiceQueue(self._service, priority)
            if priority != NORMAL and await self._transport.inspect(queue) is not None:
                text = (
                    "service {} has a queue for tasks of {} priority and says nothing of priorities: delete it once it"
                )
                logger.warning(f"{text} is empty, and no node has priorities=True any more", self._service, priority)
                found.append(queue)
        return found

    async def _take_from(self, subscription: Subscription) -> None:
        while True:
            await self._receive(subscription, await subscription.take())
            await self._transport.flow()

    async def _rest(self) -> None:
        """Return once the service is paused and what runs has ended, or is under a lease."""
        if self._pauses is None:
            await asyncio.Event().wait()
        else:
            await self._pauses.rest(self._service, self._idle, self._go_on)

    async def _lose(self) -> None:
        self._lost()
        await self.give_back()
