"""Dead letters sent again."""

from __future__ import annotations

from typing import Final

import msgspec

from leveret.client import Client
from leveret.contract import Duration
from leveret_actors.router.dead_letters import readable
from leveret_actors.store.contract import DeadLetter, Store
from leveret_broker.address import MailboxQueue, ServiceQueue
from leveret_broker.envelope import Envelope, Signal, Task, WorkflowCaller, encode
from leveret_broker.ids import new_id, queue_index
from leveret_broker.transport import Transport

MAILBOXES: Final = 8
"""Proposed for a type that exists, so that it is settled and this number means nothing."""


class Resent(msgspec.Struct, frozen=True):
    """What became of a dead letter."""

    id: str
    sent: bool
    """False: it is still where it was."""
    text: str


async def resend(letter: DeadLetter, client: Client, transport: Transport, store: Store, patience: Duration) -> Resent:
    """Send a dead letter again, and take it out of the store.

    A task that a workflow waits for goes through its instance (`retry_tasks`); `patience` is for that. Anything else
    goes to where it was found. Raises `RequestTimedOut`.
    """
    envelope = readable(letter.body)
    if envelope is None:
        return Resent(letter.id, sent=False, text="it is no envelope: nothing can be done with it")
    message = envelope.message
    if isinstance(message, Task) and isinstance(message.caller, WorkflowCaller):
        handle = client.get(message.workflow, id=message.instance)
        done = await handle.retry_tasks(message.task_id, timeout=patience)
        if not done.count:
            return Resent(letter.id, sent=False, text=done.text)
        text = f"{message.workflow} {message.instance!r}: {done.text}"
    else:
        text = await _send(letter, envelope, transport)
        if not text:
            return Resent(letter.id, sent=False, text=f"nobody knows which queue {letter.source!r} is")
    await store.exhume([letter.id])
    return Resent(letter.id, sent=True, text=text)


async def _send(letter: DeadLetter, envelope: Envelope, transport: Transport) -> str:
    """Send an envelope to where it was found, and return where that is; nothing if it is unknown."""
    message = envelope.message
    if isinstance(message, Task):
        again = msgspec.structs.replace(message, attempt=1, not_before=0.0, sequence=message.sequence + 1)
        await transport.publish(ServiceQueue(message.service), encode(msgspec.structs.replace(envelope, message=again)))
        return f"sent to service {message.service}"
    kind, _, index = letter.source.rpartition(".")
    if not kind or not index.isdigit() or not envelope.actor:
        return ""
    if isinstance(message, Signal):  # under its own id it counts as come, and refused
        envelope = msgspec.structs.replace(envelope, id=new_id())
    queue = MailboxQueue(kind, queue_index(envelope.actor, await transport.mailbox_count(kind, MAILBOXES)))
    await transport.publish(queue, encode(envelope))
    return f"sent to {kind} {envelope.actor!r}"


def what_it_is(letter: DeadLetter) -> str:
    """Return in a few words what a dead letter is."""
    envelope = readable(letter.body)
    if envelope is None:
        return "not an envelope"
    message = envelope.message
    if isinstance(message, Task):
        whose = f" of {message.workflow} {message.instance!r}" if message.instance else ""
        return f"task {message.service}.{message.name} {message.task_id}{whose}"
    name = f" {message.channel}" if isinstance(message, Signal) else ""
    return f"{type(message).__name__.lower()}{name} for {envelope.actor!r}"
