"""The mailbox loop of one queue at one node: take, decide, commit, acknowledge, publish, settle."""

from __future__ import annotations

import asyncio
import itertools
from typing import TYPE_CHECKING, Final, Literal

from loguru import logger

from leveret_actors import faults
from leveret_actors.mailbox import turns
from leveret_actors.mailbox.cache import Evicted
from leveret_actors.mailbox.casualties import Casualties
from leveret_actors.mailbox.intake import AtHand, Intake
from leveret_actors.mailbox.tenure import Tenure
from leveret_actors.mailbox.wake import wake
from leveret_actors.patience import Patience
from leveret_actors.store.contract import Batch, Outbox
from leveret_broker.address import DEAD_LETTERS
from leveret_broker.errors import (
    BrokerRefused,
    StoreRefused,
    TransportClosed,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from leveret_actors.actor import Actors, Decided, Inbox
    from leveret_actors.mailbox.host import Host
    from leveret_broker.address import MailboxQueue
    from leveret_broker.transport import Delivery, Subscription

SETTLE_PAUSE: Final = 0.1
"""Seconds without work after which confirmed outboxes are settled by a write of their own."""
SWEEP_PAUSE: Final = 30.0
"""Seconds between two looks for instances that have been kept long enough."""
SWEPT_AT_ONCE: Final = 200
DEATHS: Final = 3
"""Nodes that an actor may bring down before it is blocked."""
SUSPECTS_AT_ONCE: Final = 64
"""Suspects without an earlier attempt that are tried together."""


class MailboxLoop:
    """Keeps a subscription to one mailbox queue and takes the turns of its actors whenever it owns the queue."""

    def __init__(self, queue: MailboxQueue, actors: Actors, host: Host) -> None:
        """Prepare; `host` has what all loops of a node share."""
        self.queue = queue
        self.owned = False
        self._actors = actors
        self._host = host
        self._batch_ids = (f"{host.node}/{queue}/{n}" for n in itertools.count())
        self._stopping = asyncio.Event()
        self._casualties = Casualties(host)
        final = (BrokerRefused, StoreRefused, TransportClosed)
        self._patience = Patience(str(queue), first=0.2, longest=10.0, final=final)

    async def run(self) -> None:
        """Subscribe, own, lose, and again, until `stop`."""
        await self._patience.persist(self._once, self._stopping)

    def stop(self) -> None:
        """Finish the batch at hand, settle, and leave the queue to the next node."""
        self._stopping.set()

    async def _once(self) -> None:
        async with await self._host.transport.subscribe_mailbox(self.queue) as subscription:
            try:
                wake(self._host.transport, self.queue)
                await self._own(subscription)
            finally:
                self.owned = False
                await self._drop(self._host.cache.forget(self.queue))

    async def _own(self, subscription: Subscription) -> None:
        at_hand, tenure = AtHand(), None
        stop = asyncio.ensure_future(self._stopping.wait())
        take = asyncio.ensure_future(subscription.take())
        try:
            await asyncio.wait((take, stop), return_when=asyncio.FIRST_COMPLETED)
            if not take.done():
                return
            take.result()  # raises when the subscription is lost; the loop below takes the deliveries in
            async with self._host.quiet.among_others():
                tenure = await self._take_over()
            while not self._stopping.is_set():
                if take.done():
                    at_hand.extend(take.result())
                    take = asyncio.ensure_future(subscription.take())
                if not await self._batch(tenure, at_hand, subscription):
                    await self._rest(tenure, take, stop)
                await self._sweep(tenure)
            await self._hand_over(tenure)
        finally:
            if tenure is not None:
                tenure.end()
            stop.cancel()
            take.cancel()
            await asyncio.gather(stop, take, return_exceptions=True)

    async def _take_over(self) -> Tenure:
        taken = await self._host.store.take_over(self.queue, self._host.node)
        await self._drop(self._host.cache.forget(self.queue))
        self.owned = True
        logger.debug("{}: taken over, epoch {}, {} outboxes pending", self.queue, taken.epoch, len(taken.pending))
        return Tenure(taken, self._host.transport, self._host.store.bury)

    async def _rest(
        self, tenure: Tenure, take: asyncio.Future[list[Delivery]], stop: asyncio.Future[Literal[True]]
    ) -> None:
        """Wait for a delivery, a due timer, or the moment to settle."""
        waits = [max(0.0, tenure.sweep_at - tenure.now())]
        if tenure.next_due:
            waits.append(max(0.0, tenure.next_due - tenure.now()))
        if tenure.unsettled:
            waits.append(SETTLE_PAUSE)
        done, _ = await asyncio.wait((take, stop), timeout=min(waits), return_when=asyncio.FIRST_COMPLETED)
        if not done and tenure.confirmed():
            async with self._host.quiet.among_others():
                await self._settle(tenure)

    async def _settle(self, tenure: Tenure) -> None:
        settled = tenure.confirmed()
        faults.reached("before-settle")
        committed = await self._host.store.commit(
            self.queue, tenure.epoch, Batch(id=next(self._batch_ids), settled=settled)
        )
        tenure.heard(committed.clock)
        tenure.settled(settled)

    async def _sweep(self, tenure: Tenure) -> None:
        """Let what has been kept long enough vanish, a little at a time, and see whether the clock was set."""
        if tenure.now() < tenure.sweep_at:
            return
        host = self._host
        tenure.heard(await host.store.clock())
        keep = host.settings.retention.closed_count // len(await host.directory.queues(self.queue.kind))
        gone = await host.store.expire(self.queue, tenure.epoch, keep=keep, limit=SWEPT_AT_ONCE)
        tenure.sweep_at = tenure.now() + (0 if gone == SWEPT_AT_ONCE else SWEEP_PAUSE)

    async def _hand_over(self, tenure: Tenure) -> None:
        """Give outboxes on their way a moment, so that the next owner need not send them again; accuse nobody."""
        deadline = asyncio.get_running_loop().time() + self._host.settings.heartbeat
        while tenure.unsettled and asyncio.get_running_loop().time() < deadline:
            if tenure.confirmed():
                await self._settle(tenure)
            else:
                await asyncio.sleep(SETTLE_PAUSE / 10)
        await self._host.store.release(self.queue, tenure.epoch)

    # -- one batch ----------------------------------------------------------------------------------------------------

    async def _batch(self, tenure: Tenure, at_hand: AtHand, subscription: Subscription) -> bool:
        """Take, decide, commit, acknowledge and publish what is there; False when there is nothing."""
        await self._host.transport.flow()
        intake = await self._take(tenure, at_hand)
        if not intake.inboxes and not intake.deliveries:
            return False
        faults.reached("after-take")
        suspects = [intake.inboxes.pop(actor) for actor in sorted(intake.suspects)]
        outboxes = await self._try_suspects(tenure, suspects)
        await self._bury(intake.unreadable)
        async with self._host.quiet.among_others():
            outboxes += await self._turns(tenure, list(intake.inboxes.values()), intake.deliveries)
            faults.reached("after-commit")
            if intake.deliveries and not self._host.store.atomic:
                subscription.acknowledge(intake.deliveries)
            faults.reached("after-acknowledge")
            for outbox in outboxes:
                tenure.send(outbox)
        self._patience.rewarded()
        return True

    async def _take(self, tenure: Tenure, at_hand: AtHand) -> Intake:
        intake, limit = Intake(), self._host.settings.batch
        if tenure.next_due and tenure.next_due <= tenure.now():
            due = await self._host.store.due(self.queue, limit)
            tenure.heard(due.clock)
            tenure.next_due = due.next_due
            intake.add_timers(due.timers, suspect=any(t.at < tenure.cautious_until for t in due.timers))
        while tenure.stalled and len(intake.inboxes) < limit:
            intake.inbox(tenure.stalled.popleft()).retry = True
        for actor in sorted(tenure.more)[:limit]:
            tenure.more.discard(actor)
            intake.inbox(actor)
        at_hand.fill(intake, limit)
        return intake

    async def _try_suspects(self, tenure: Tenure, inboxes: list[Inbox]) -> list[Outbox]:
        """Decide what an earlier owner may have died of, behind durable marks, the already marked ones alone.

        Those are marked one by one, each right before it is tried, while no other queue of this node is at work: nobody
        pays for the nodes that another brings down.
        """
        outboxes: list[Outbox] = []
        for start in range(0, len(inboxes), SUSPECTS_AT_ONCE):
            some = inboxes[start : start + SUSPECTS_AT_ONCE]
            noted = await self._host.store.tried(self.queue, [inbox.actor for inbox in some])
            fresh: list[Inbox] = []
            for inbox, nodes in zip(some, noted, strict=True):
                others = nodes - {self._host.node}
                if not others:
                    fresh.append(inbox)
                    continue
                if len(others) >= DEATHS and len(await self._casualties.among(others)) >= DEATHS:
                    inbox.give_up = f"it brought its node down {DEATHS} times"
                async with self._host.quiet.alone():
                    outboxes += await self._try(tenure, [inbox])
            if fresh:
                async with self._host.quiet.among_others():
                    outboxes += await self._try(tenure, fresh)
        return outboxes

    async def _try(self, tenure: Tenure, inboxes: list[Inbox]) -> list[Outbox]:
        actors, host = [inbox.actor for inbox in inboxes], self._host
        await host.store.mark_attempts(self.queue, tenure.epoch, actors, host.node, before=tenure.before)
        return await self._turns(tenure, inboxes, (), marked=True)

    async def _bury(self, unreadable: Iterable[tuple[bytes, str]]) -> None:
        """Send bodies that are not envelopes to the dead letters, confirmed, before anything is acknowledged."""
        sent = [
            self._host.transport.publish(DEAD_LETTERS, body, reason=reason, source=str(self.queue))
            for body, reason in unreadable
        ]
        await asyncio.gather(*sent)

    async def _turns(
        self, tenure: Tenure, inboxes: list[Inbox], deliveries: Iterable[Delivery], *, marked: bool = False
    ) -> list[Outbox]:
        """Decide and commit in one write, which takes the attempt marks off; return what is to be published then."""
        host, settled = self._host, tenure.confirmed()
        decided: Decided = []
        try:
            await self._decide(tenure, inboxes, decided)
            faults.reached("after-decide")
            await host.directory.learn(turns.kinds_wanted(decided))
            batch = turns.batch_of(
                self.queue,
                decided,
                host.directory,
                batch_id=next(self._batch_ids),
                settled=settled,
                acknowledged=tuple(delivery.tag for delivery in deliveries),
                survived=tuple(inbox.actor for inbox, turn in decided if marked and turn.write is None),
            )
            if not turns.is_empty(batch, atomic=host.store.atomic):
                committed = await host.store.commit(self.queue, tenure.epoch, batch)
                tenure.heard(committed.clock)
                tenure.settled(settled)
        except BaseException:
            await self._drop(turns.abandoned(self._actors, inboxes, decided))
            raise
        await self._after_commit(tenure, decided, batch)
        return [Outbox(batch.id, batch.outbox)] if batch.outbox and not host.store.atomic else []

    async def _decide(self, tenure: Tenure, inboxes: list[Inbox], decided: Decided) -> None:
        if not inboxes:
            return
        host = self._host
        for inbox in inboxes:
            inbox.live = host.cache.check_out(self.queue, inbox.actor)
        await self._load([inbox for inbox in inboxes if inbox.live is None])
        await self._actors.prepare(self.queue, inboxes)
        now = tenure.now()
        broken = await host.stepper.run(lambda: turns.decide(self._actors, self.queue, inboxes, now, decided))
        if broken:
            await self._drop([Evicted(self._actors, inbox.live) for inbox in broken if inbox.live is not None])
            await self._load(broken)
            if await host.stepper.run(lambda: turns.decide(self._actors, self.queue, broken, now, decided)):
                text = f"{self.queue}: {broken[0].actor} cannot even be given up"
                raise RuntimeError(text)

    async def _load(self, inboxes: list[Inbox]) -> None:
        if inboxes:
            records = await self._host.store.load(self.queue, [inbox.actor for inbox in inboxes])
            for inbox, record in zip(inboxes, records, strict=True):
                inbox.live, inbox.record = None, record

    async def _after_commit(self, tenure: Tenure, decided: Decided, batch: Batch) -> None:
        host = self._host
        tenure.timers_set(timer.at for write in batch.actors for timer in write.timers)
        tenure.more.update(inbox.actor for inbox, turn in decided if turn.more)
        evicted = [
            gone
            for inbox, turn in decided
            if turn.live is not None
            for gone in host.cache.check_in(self.queue, inbox.actor, self._actors, turn.live, turn.size)
        ]
        await self._drop(evicted)
        revoked = [task for _, turn in decided for task in turn.revoked]
        if revoked:
            await host.store.revoke(revoked, tenure.now() + host.settings.retention.closed_seconds)
        exhumed = [letter for _, turn in decided for letter in turn.exhumed]
        if exhumed:
            await host.store.exhume(exhumed)

    async def _drop(self, evicted: list[Evicted]) -> None:
        if evicted:
            await self._host.stepper.run(lambda: turns.drop(evicted))
