"""The client's post office: finds the mailbox queue of an actor, and publishes."""

from __future__ import annotations

import asyncio
import time
from typing import Final

from leveret.client.around import Around
from leveret.client.requests import Expecting, Requests
from leveret_broker.address import TAGS, ControlExchange, MailboxQueue, ServiceQueue
from leveret_broker.codec import Codec
from leveret_broker.envelope import Envelope, Message, encode
from leveret_broker.ids import new_id, queue_index, tag_key, task_tag_key
from leveret_broker.transport import Transport

CLAIMS_REMEMBERED: Final = 10_000
"""Starts inside claims after which a signal may overtake the start."""
MAILBOX_QUEUES: Final = 8
"""What is proposed for a workflow type that nobody has used yet."""


class Post:
    """What everything in the client sends through."""

    def __init__(self, transport: Transport, codec: Codec, around: Around | None = None) -> None:
        self.transport = transport
        self.codec = codec
        self.around = around or Around()
        """Interceptors of the client."""
        self.requests = Requests(transport)
        self._counts: dict[str, int] = {}
        self._claimed: dict[tuple[str, str], None] = {}

    async def queue_of(self, workflow: str, instance: str) -> MailboxQueue:
        """Return the mailbox queue of an instance."""
        return MailboxQueue(workflow, queue_index(instance, await self._count(workflow)))

    async def queue_of_tag(self, workflow: str, tag: str) -> MailboxQueue:
        """Return the mailbox queue of a tag."""
        return MailboxQueue(TAGS, queue_index(tag_key(workflow, tag), await self._count(TAGS)))

    async def queue_of_task_tag(self, service: str, tag: str) -> MailboxQueue:
        """Return the mailbox queue of a tag on tasks."""
        return MailboxQueue(TAGS, queue_index(task_tag_key(service, tag), await self._count(TAGS)))

    def remember_claim(self, workflow: str, instance: str) -> None:
        """Remember that a start went through a tag: signals to the instance must wait for it."""
        self._claimed[workflow, instance] = None
        if len(self._claimed) > CLAIMS_REMEMBERED:
            del self._claimed[next(iter(self._claimed))]

    def may_overtake(self, workflow: str, instance: str) -> bool:
        """Tell whether a signal to the instance may arrive before its start."""
        return (workflow, instance) in self._claimed

    def publish(self, queue: MailboxQueue | ServiceQueue | ControlExchange, envelope: Envelope) -> asyncio.Future[None]:
        """Publish and return the confirmation."""
        return self.transport.publish(queue, encode(envelope))

    async def send(self, queue: MailboxQueue, actor: str, message: Message, *, message_id: str | None = None) -> None:
        """Publish a message that nobody answers, and wait until the broker holds it."""
        await self.confirmed(self.publish(queue, letter(actor, message, message_id=message_id)))

    def ask(
        self, expecting: Expecting, queue: MailboxQueue | ServiceQueue | ControlExchange, envelope: Envelope
    ) -> asyncio.Future[None]:
        """Publish a message that is answered, and return the confirmation, which need not be waited for.

        It is published again when the connection was lost meanwhile. If it cannot be sent, `expecting` is told.
        """

        def send() -> asyncio.Future[None]:
            sent = self.publish(queue, envelope)
            sent.add_done_callback(expecting.sent)
            return sent

        expecting.repeat_by(send)
        return send()

    @staticmethod
    async def confirmed(*futures: asyncio.Future[None]) -> None:
        """Wait for confirmations; whoever waits may be cancelled, what is published is not."""
        for future in futures:
            future.add_done_callback(_look)
        for future in futures:
            await asyncio.shield(future)

    async def _count(self, kind: str) -> int:
        if kind not in self._counts:
            self._counts[kind] = await self.transport.mailbox_count(kind, MAILBOX_QUEUES)
        return self._counts[kind]


def letter(actor: str, message: Message, *, message_id: str | None = None, run: str = "") -> Envelope:
    """Return an envelope with a fresh id, or the given one."""
    return Envelope(message_id or new_id(), actor, message, run, time.time())


def _look(future: asyncio.Future[None]) -> None:
    """Take note of an error that somebody else is told of."""
    if not future.cancelled():
        future.exception()
