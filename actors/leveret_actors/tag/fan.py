"""Fan-outs: one message to every member, a page per turn.

A fan-out covers the join numbers given away before it came. What comes later need not wait for it: later joins have
higher numbers, and who leaves meanwhile is sent the message first. Only fan-outs wait for fan-outs.
"""

from __future__ import annotations

from typing import Final

import msgspec
from loguru import logger

from leveret.events import SignalDiscarded
from leveret_actors.actor import ActorAddress, Post
from leveret_actors.tag.draft import Draft
from leveret_actors.tag.lookup import PAGE
from leveret_actors.tag.state import ANSWERS, Fan, Reached, Who, fan_size, remember, remembers
from leveret_actors.tag.tasks import copy_for, is_of_tasks
from leveret_broker.envelope import (
    Call,
    Caller,
    Cancel,
    Envelope,
    Fanned,
    Refused,
    RetryTasks,
    SettleTask,
    Signal,
    TagFan,
    WorkflowCaller,
)
from leveret_broker.ids import message_digest

FOR_TASKS: Final = (Cancel, RetryTasks, SettleTask)
"""What the members of a tag on tasks understand."""

PAGE_BYTES: Final = 4 * 1024 * 1024
"""Bytes that one turn of a fan-out sends, about; one copy is always sent."""

WAITING_BYTES: Final = 4 * 1024 * 1024
"""Bytes of waiting fan-outs that a tag keeps; what comes above is given up. One is always kept."""


def fan(draft: Draft, envelope: Envelope, message: TagFan) -> None:
    """Accept a fan-out, once."""
    digest = message_digest(envelope.id)
    if remembers(draft.recent, digest):
        _answer_again(draft, envelope.id, digest, message.caller)
        return
    wanted = message.message
    if not (isinstance(wanted, FOR_TASKS) if is_of_tasks(draft) else not isinstance(wanted, SettleTask)):
        draft.bury(envelope, f"the members of the tag {draft.tag!r} do not understand a {type(wanted).__name__}")
        return
    if isinstance(wanted, Signal | Call):
        wanted = msgspec.structs.replace(wanted, patient=True)  # its member may still be on the way
    one = Fan(envelope.id, wanted, draft.joined, message.caller, envelope.headers)
    one = msgspec.structs.replace(one, size=fan_size(one))
    if draft.fans and sum(waiting.size for waiting in draft.fans) + one.size > WAITING_BYTES:
        text = f"too many messages wait to be sent to the instances tagged {draft.tag!r}: send this one again later"
        draft.bury(envelope, text)
        if message.caller is not None:
            draft.tell(message.caller, Refused("busy", text), envelope.id)
        return
    draft.recent = remember(draft.recent, digest)
    draft.fans.append(one)


def _answer_again(draft: Draft, request: str, digest: bytes, caller: Caller | None) -> None:
    """Answer who sends again what came before: the answer was lost, or an actor has forgotten that it asked."""
    if caller is None or any(one.id == request for one in draft.fans):  # that one is answered at its end
        return
    if isinstance(caller, WorkflowCaller):
        draft.tell(caller, Fanned(0, again=True), request)
        return
    for one in draft.reached:
        if one.digest == digest:
            draft.tell(caller, Fanned(one.count), request)


def catch_up(draft: Draft, who: Who) -> None:
    """Send a member that is about to leave what the fan-outs have for it."""
    number = draft.table.number(who)
    for at, one in enumerate(draft.fans):
        if one.after < number <= one.upto:
            _send(draft, one, who)
            draft.fans[at] = msgspec.structs.replace(one, sent=one.sent + 1)


def go_on(draft: Draft) -> None:
    """Send the next page of the first fan-out, and of the following ones while there is room."""
    room = PAGE
    room_bytes = PAGE_BYTES
    while draft.fans:
        one = draft.fans[0]
        page = draft.table.page(one.after)
        if one.after < one.upto:
            if page is None or room <= 0 or room_bytes <= 0:
                return
            members = [member for member in page.members if member.number <= one.upto]
            now = members[: min(room, max(1, room_bytes // one.size))]
            for member in now:
                _send(draft, one, (member.instance, member.run))
            room -= len(now)
            room_bytes -= len(now) * one.size
            reached = page.covers if len(now) == len(members) else now[-1].number
            one = msgspec.structs.replace(one, after=min(reached, one.upto), sent=one.sent + len(now))
        if one.after < one.upto:
            draft.fans[0] = one
            continue
        del draft.fans[0]
        if not one.sent and isinstance(one.message, Signal):
            _discard(draft, one, one.message.channel)
        if one.caller is not None:
            draft.tell(one.caller, Fanned(one.sent), one.id)
            if not isinstance(one.caller, WorkflowCaller):
                draft.reached = [*draft.reached[1 - ANSWERS :], Reached(message_digest(one.id), one.sent)]


def _discard(draft: Draft, one: Fan, channel: str) -> None:
    """Tell that a signal found nobody, under an id that it has again when the signal comes again."""
    if one.caller is None:
        text = "a signal {} for the tag {!r} of {} found nobody: discarded"
        logger.info(text, channel, draft.tag, draft.workflow)
    draft.publish(
        SignalDiscarded(
            id=message_digest(f"{draft.workflow}//{draft.tag}/{one.id}").hex(),
            at=draft.clock,
            workflow=draft.workflow,
            instance="",
            run="",
            channel=channel,
            reason="no instance carries the tag",
            message_id=one.id,
            tag=draft.tag,
        )
    )


def _send(draft: Draft, one: Fan, who: Who) -> None:
    if is_of_tasks(draft):
        draft.posts.append(copy_for(draft, one, who))
        return
    instance, run = who
    envelope = Envelope(f"{one.id}/{instance}", instance, one.message, run, draft.clock, one.headers)
    draft.posts.append(Post(ActorAddress(draft.workflow, instance), envelope))
