"""The router of commands: one in a namespace is at work, and keeps their order."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final, NamedTuple

from loguru import logger

from leveret_actors import faults
from leveret_actors.ingress.command import Command, CommandRefused, ReplyAddress
from leveret_actors.ingress.parsing import parse, parse_reply, parse_routing_key
from leveret_actors.ingress.replies import refused, reply, sent
from leveret_actors.ingress.sender import Sender
from leveret_actors.patience import Patience
from leveret_broker.address import COMMANDS, DEAD_LETTERS
from leveret_broker.command import RawCommand, decode_command
from leveret_broker.ending import end
from leveret_broker.errors import DecodeError, PublishFailed
from leveret_broker.ids import new_id
from leveret_broker.transport import Delivery, Subscription, Transport

BATCHES: Final = 4
"""Batches whose confirmations are waited for while the next is taken."""


class Taken(NamedTuple):
    """One body, read."""

    body: bytes
    command: Command | CommandRefused
    to: ReplyAddress | None
    """Who is told of a refusal."""


class Batch(NamedTuple):
    """What was taken together, and is on its way."""

    deliveries: list[Delivery]
    taken: list[Taken]
    futures: list[asyncio.Future[None]]
    """One for each body."""


class CommandRouter:
    """Turns what applications publish into envelopes, and acknowledges it once the broker holds those.

    Every node may run one: the queue of commands has one active consumer. Whatever was not acknowledged comes again, to
    the same envelopes. What is no command becomes a dead letter with its reason; those around it pass.
    """

    def __init__(self, transport: Transport, sender: Sender, *, limit: int) -> None:
        """Refuse bodies of more than `limit` bytes."""
        self._transport = transport
        self._sender = sender
        self._limit = limit
        self._ours = f"{transport.namespace}."

    async def run(self) -> None:
        """Route until cancelled; raises `TransportClosed` when the transport is, and `BrokerRefused`."""
        await Patience("the router of commands").persist(self._route)

    async def _route(self) -> None:
        async with await self._transport.subscribe_commands(self._limit) as subscription:
            await self._route_from(subscription)

    async def _route_from(self, subscription: Subscription) -> None:
        """Take, send, and finish behind it, in order; whichever fails ends both."""
        batches: asyncio.Queue[Batch] = asyncio.Queue(BATCHES)
        jobs = [
            asyncio.ensure_future(self._take_from(subscription, batches)),
            asyncio.ensure_future(self._finish(subscription, batches)),
        ]
        try:
            done, _ = await asyncio.wait(jobs, return_when=asyncio.FIRST_COMPLETED)
            for job in done:
                job.result()
        finally:
            await end(*jobs)

    async def _take_from(self, subscription: Subscription, batches: asyncio.Queue[Batch]) -> None:
        while True:
            deliveries = await subscription.take()
            faults.reached("commands-taken")
            taken = [self._read(body) for one in deliveries for body in one.bodies]
            commands = [one.command for one in taken if isinstance(one.command, Command)]
            futures = iter(await self._sender.send(commands) if commands else ())
            each = [next(futures) if isinstance(one.command, Command) else _failed(one.command) for one in taken]
            await batches.put(Batch(deliveries, taken, each))

    def _read(self, body: bytes) -> Taken:
        try:
            raw = decode_command(body)
        except DecodeError as error:
            return Taken(body, CommandRefused("not_json", str(error)), None)
        key = raw.text("message_id") or new_id()
        try:
            command = parse(raw, key, ours=self._ours)
        except CommandRefused as refusal:
            return Taken(body, refusal, self._who_asked(raw, key))
        except Exception as error:
            logger.exception("a command could not be read")
            return Taken(body, CommandRefused("internal", repr(error)), None)
        return Taken(body, command, command.reply)

    def _who_asked(self, raw: RawCommand, key: str) -> ReplyAddress | None:
        """Return where a refusal goes of what could not be read."""
        try:
            return parse_reply(raw, parse_routing_key(raw.routing_key), key, self._ours)
        except CommandRefused as refusal:
            if refusal.kind == "reply_to" or not raw.text("reply_to"):
                return None
            return ReplyAddress(raw.text("reply_to"), raw.text("correlation_id"), key)

    async def _finish(self, subscription: Subscription, batches: asyncio.Queue[Batch]) -> None:
        while True:
            batch = await batches.get()
            results = await asyncio.gather(*batch.futures, return_exceptions=True)
            await self._tell(batch.taken, results)
            faults.reached("commands-sent")
            subscription.acknowledge(batch.deliveries)

    async def _tell(self, taken: Sequence[Taken], results: Sequence[BaseException | None]) -> None:
        """Bury what was refused, and answer where nobody else can."""
        sending: list[asyncio.Future[None]] = []
        for one, result in zip(taken, results, strict=True):
            if isinstance(result, CommandRefused | PublishFailed):
                refusal = result if isinstance(result, CommandRefused) else CommandRefused("not_sent", str(result))
                sending += self._refuse(one, refusal)
            elif isinstance(result, BaseException):
                raise result
            elif isinstance(one.command, Command) and one.command.verb == "signal" and one.command.whom.id:
                sending += [] if one.to is None else [reply(self._transport, one.to, sent(one.to))]
        refusals = [result for result in results if isinstance(result, CommandRefused)]
        if refusals:
            text = "{} of {} commands are refused, see `leveret dead-letters list`; the first: {}"
            logger.warning(text, len(refusals), len(taken), refusals[0])
        for error in await asyncio.gather(*sending, return_exceptions=True):
            if isinstance(error, PublishFailed):
                logger.error("a command's dead letter or reply could not be sent: {}", error)
            elif isinstance(error, BaseException):
                raise error

    def _refuse(self, taken: Taken, refusal: CommandRefused) -> list[asyncio.Future[None]]:
        body = self._transport.publish(DEAD_LETTERS, taken.body, reason=str(refusal), source=str(COMMANDS))
        return [body] if taken.to is None else [body, reply(self._transport, taken.to, refused(taken.to, refusal))]


def _failed(refusal: CommandRefused) -> asyncio.Future[None]:
    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    future.set_exception(refusal)
    future.exception()  # seen
    return future
