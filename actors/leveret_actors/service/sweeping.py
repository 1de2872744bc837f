"""Leases that are over their time: what their holders could not do any more is done by whoever finds it."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from typing import Final

import msgspec
from loguru import logger

from leveret_actors.service.keeping import KEPT, decode_parcel, encode_parcel
from leveret_actors.service.report import end_in, failed, report
from leveret_actors.service.telling import TaskTeller
from leveret_actors.service.verdict import Tell
from leveret_actors.settings import LeaseSettings
from leveret_actors.store.contract import Outgoing, Store
from leveret_actors.store.leases import DELEGATED, FINISHED, RUNNING, Lease
from leveret_broker.address import DEAD_LETTERS
from leveret_broker.codec import Payload
from leveret_broker.envelope import Envelope, Task, decode, encode
from leveret_broker.errors import DecodeError, StoreUnavailable, TransportClosed, TransportError
from leveret_broker.transport import Transport

PAGE: Final = 100


class LeaseSweeper:
    """Publishes the tasks of dead workers again, and what follows from finished ones. Any node may run one.

    A lease is claimed before it is acted on, so that a holder that was only slow learns that it has lost it. It goes
    once the broker has confirmed what was sent in its place. `clock` gives Unix time.
    """

    def __init__(
        self,
        transport: Transport,
        store: Store,
        *,
        node: str,
        settings: LeaseSettings | None = None,
        teller: TaskTeller | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._transport = transport
        self._store = store
        self._teller = teller
        self._name = f"{node}/sweeper"
        self._settings = settings or LeaseSettings()
        self._clock = clock

    async def run(self) -> None:
        """Sweep until cancelled; raises `TransportClosed` when the transport is."""
        pause = self._settings.seconds / 3
        while True:
            await asyncio.sleep(pause * random.uniform(0.8, 1.2))  # so that nodes do not go in step
            try:
                while await self.sweep():
                    pass
            except TransportClosed:
                raise
            except StoreUnavailable as error:
                logger.warning("cannot look for leases that are over their time: {}", error)
            except Exception:
                logger.exception("leases that are over their time could not be dealt with, trying again")

    async def sweep(self) -> int:
        """Deal with at most a page, and return how many there were."""
        claimed = await self._store.claim_expired(self._name, self._settings.seconds, PAGE)
        await asyncio.gather(*map(self._one, claimed))
        return len(claimed)

    async def _one(self, lease: Lease) -> None:
        try:
            if lease.status == FINISHED:
                await self._send(lease)
            elif lease.status == RUNNING:
                await self._finish(lease, self._after_death(lease))
            elif lease.status == DELEGATED:
                await self._give_up(lease)
        except (TransportClosed, StoreUnavailable):
            raise
        except (DecodeError, TransportError) as error:
            logger.error("the lease of task {} is over and cannot be dealt with, trying again: {}", lease.task, error)
        except Exception:
            logger.exception("the lease of task {} is over and cannot be dealt with, trying again", lease.task)

    def _after_death(self, lease: Lease) -> Outgoing:
        """Return the task as the next worker gets it, or as a dead letter."""
        envelope, task = _task(lease)
        deaths = task.deaths + 1
        progress = Payload(lease.progress) if lease.progress else None
        again = msgspec.structs.replace(task, deaths=deaths, progress=progress)
        body = encode(msgspec.structs.replace(envelope, message=again))
        if deaths >= self._settings.deaths:
            reason = f"{deaths} workers died, or fell silent, while they ran it"
            logger.error("dead letter from service {}: task {}: {}", task.service, task.task_id, reason)
            return Outgoing(DEAD_LETTERS, body, reason=reason, source=task.service)
        logger.warning("task {}: its worker is silent, another one gets it", task.task_id)
        return Outgoing(task.queue, body)

    async def _give_up(self, lease: Lease) -> None:
        """End a delegated task that nobody completed; its caller has a timer of its own, if it has a timeout."""
        _, task = _task(lease)
        text = f"nobody completed the delegated task {task.service}.{task.name}"
        outcome = failed(task, "NotCompleted", text, reason="not completed")
        if self._teller is not None:
            await self._teller.say(self._teller.end(task, Tell(outcome)))
        sending = report(task, outcome, self._name, self._clock())
        if task.deadline or sending is None:
            ended = msgspec.structs.replace(lease, status="timed_out", holder="", body=b"")
            await self._store.replace(lease, ended, KEPT)
        else:
            await self._finish(lease, Outgoing(*sending))

    async def _finish(self, lease: Lease, parcel: Outgoing) -> None:
        finished = msgspec.structs.replace(lease, status=FINISHED, parcel=encode_parcel(parcel), body=b"")
        if await self._store.replace(lease, finished, self._settings.seconds):
            await self._send(finished)

    async def _send(self, lease: Lease) -> None:
        parcel = decode_parcel(lease.parcel)
        await self._transport.publish(
            parcel.address, parcel.body, delay=parcel.delay, reason=parcel.reason, source=parcel.source
        )
        status = end_in(parcel.body)
        ended = msgspec.structs.replace(lease, status=status, holder="", parcel=b"", body=b"") if status else None
        await self._store.replace(lease, ended, KEPT)


def _task(lease: Lease) -> tuple[Envelope, Task]:
    envelope = decode(lease.body)
    if not isinstance(envelope.message, Task):
        raise DecodeError(f"the lease of {lease.task} holds a {type(envelope.message).__name__}")
    return envelope, envelope.message
