"""Dead letters sent again."""

from __future__ import annotations

from typing import Final

import msgspec

from leveret import cloud_events
from leveret.client import Client
from leveret.contract import Duration
from leveret_actors.router.dead_letters import readable
from leveret_actors.store.contract import DeadLetter, Store
from leveret_broker.address import ANSWERS, COMMANDS, LISTENER, ListenerQueue, MailboxQueue
from leveret_broker.command import JUDGED_AGAIN, RawCommand, decode_command, encode_command
from leveret_broker.envelope import Envelope, Hold, Signal, TagFan, Task, WorkflowCaller, encode
from leveret_broker.errors import DecodeError
from leveret_broker.foreign import again_queue, bridge_of
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
    command, bridge = buried_command(letter), bridge_of(letter.source)
    if command is not None:
        return await _publish_again(letter, command, transport, store)
    if bridge:
        return await judge_again(letter, bridge, transport, store)
    if letter.source.startswith(LISTENER):
        return await _tell_again(letter, transport, store)
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


async def judge_again(letter: DeadLetter, bridge: str, transport: Transport, store: Store) -> Resent:
    """Send a message that a bridge could not use back to that bridge, whose rule may have been mended."""
    try:
        raw = decode_command(letter.body)
    except DecodeError as error:
        return Resent(letter.id, sent=False, text=str(error))
    if raw.size:
        return Resent(letter.id, sent=False, text=f"only the beginning of its {raw.size} bytes was kept")
    await transport.publish(again_queue(bridge), encode_command(_another(raw)))
    await store.exhume([letter.id])
    return Resent(letter.id, sent=True, text=f"sent to the bridge {bridge} again")


def buried_command(letter: DeadLetter) -> RawCommand | None:
    """Return the command that was refused; None for any other dead letter."""
    if letter.source != str(COMMANDS):
        return None
    try:
        return decode_command(letter.body)
    except DecodeError:
        return None


async def _publish_again(letter: DeadLetter, command: RawCommand, transport: Transport, store: Store) -> Resent:
    """Publish a command again, as it came."""
    if command.size:
        text = f"only the beginning of its {command.size} bytes was kept: have it published again"
        return Resent(letter.id, sent=False, text=text)
    await transport.publish(COMMANDS, encode_command(_another(command)))
    await store.exhume([letter.id])
    return Resent(letter.id, sent=True, text=f"published as {command.routing_key}")


def _another(raw: RawCommand) -> RawCommand:
    """Return what is not the same letter, should it come back: this one is taken out behind it."""
    return msgspec.structs.replace(raw, headers={**raw.headers, JUDGED_AGAIN: new_id()})


async def _tell_again(letter: DeadLetter, transport: Transport, store: Store) -> Resent:
    """Send an event to the one listener group that had given it up."""
    group = letter.source.removeprefix(LISTENER)
    await transport.publish(ListenerQueue(group), letter.body)
    await store.exhume([letter.id])
    return Resent(letter.id, sent=True, text=f"sent to listener {group}")


async def _send(letter: DeadLetter, envelope: Envelope, transport: Transport) -> str:
    """Send an envelope to where it was found, and return where that is; nothing if it is unknown."""
    message = envelope.message
    if isinstance(message, Task):
        sequence = message.sequence + 1
        again = msgspec.structs.replace(
            message, attempt=1, not_before=0.0, began=0.0, waited=0.0, sequence=sequence, deaths=0
        )
        await transport.publish(message.queue, encode(msgspec.structs.replace(envelope, message=again)))
        return f"sent to service {message.service}"
    if letter.source == str(ANSWERS):
        await transport.publish(ANSWERS, encode(envelope))
        return "sent to who passes answers on"
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
    if bridge_of(letter.source):
        return "message for a bridge"
    command = buried_command(letter)
    if command is not None:
        return f"command {command.routing_key}"
    if letter.source.startswith(LISTENER):
        return _what_event(letter)
    envelope = readable(letter.body)
    if envelope is None:
        return "not an envelope"
    message = envelope.message
    if isinstance(message, Task):
        whose = f" of {message.workflow} {message.instance!r}" if message.instance else ""
        return f"task {message.service}.{message.name} {message.task_id}{whose}"
    if isinstance(message, Hold):
        signal = message.message.message if isinstance(message.message, TagFan) else message.message
        channel = f" {signal.channel}" if isinstance(signal, Signal) else ""
        return f"signal{channel} held for {message.kind} {message.key!r}"
    name = f" {message.channel}" if isinstance(message, Signal) else ""
    return f"{type(message).__name__.lower()}{name} for {envelope.actor!r}"


def _what_event(letter: DeadLetter) -> str:
    try:
        event = cloud_events.decode(letter.body)
    except DecodeError:
        return "not an event"
    if event is None:
        return "an event of a later version"
    _, _, name = cloud_events.key_of(event).removesuffix(f".{event.type}").partition(".")
    return f"event {event.type} of {name} {cloud_events.subject_of(event)!r}"
