"""Tags as actors: their operations run in order in their mailbox, their members live in the store."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final

import msgspec

from leveret_actors import faults
from leveret_actors.actor import ActorAddress, Actors, Inbox, Post, Turn
from leveret_actors.answers import told
from leveret_actors.store.contract import ActorWrite
from leveret_actors.tag.claim import LINGER, claim, end_lingering
from leveret_actors.tag.draft import PROBE_AFTER, Draft, dead_letter
from leveret_actors.tag.fan import fan, go_on
from leveret_actors.tag.hold import hold
from leveret_actors.tag.listing import members
from leveret_actors.tag.lookup import Found, MemberReader, found_without_store, look_up
from leveret_actors.tag.member import ask, join, leave, probed
from leveret_actors.voice import Voice
from leveret_broker.address import TAGS, MailboxQueue
from leveret_broker.envelope import (
    Caller,
    Envelope,
    Refused,
    TagClaim,
    TagFan,
    TagJoin,
    TagLeave,
    TagMembers,
    TagPass,
    TagProbed,
    Wake,
)
from leveret_broker.ids import is_hold_key

AT_ONCE: Final = 16
"""Tags that are looked up side by side."""


class TagActors(Actors):
    """The tags of all workflows of a namespace.

    `prepare` reads through `store`, so it must be called after the commit of the queue's batch before.
    """

    kind = TAGS

    def __init__(self, store: MemberReader, voice_of: Callable[[str], Voice] | None = None) -> None:
        """Read members from `store`; writing is the mailbox loop's. `voice_of` returns the voice of a workflow."""
        self._store = store
        self._voice_of = voice_of

    async def prepare(self, queue: MailboxQueue, inboxes: list[Inbox]) -> None:
        """Look up the members that the messages speak of; a cached small tag needs no trip."""
        slots = asyncio.Semaphore(AT_ONCE)

        async def one(inbox: Inbox) -> None:
            async with slots:
                inbox.prepared = await look_up(self._store, queue, inbox)

        inboxes = [inbox for inbox in inboxes if not is_hold_key(inbox.actor)]
        for inbox in inboxes:
            inbox.prepared = found_without_store(inbox)
        trips = [inbox for inbox in inboxes if not inbox.prepared.slices and not inbox.prepared.broken]
        await asyncio.gather(*map(one, trips))

    def decide(self, queue: MailboxQueue, inbox: Inbox, clock: float) -> Turn:
        """Take a turn: timers first, then the messages in their order, then a page of the fan-out under way."""
        if is_hold_key(inbox.actor):
            return hold(queue, inbox, clock)
        found = inbox.prepared if isinstance(inbox.prepared, Found) else found_without_store(inbox)
        workflow, _, tag = inbox.actor.partition("/")
        broken = found.broken or ("" if workflow and tag else f"{inbox.actor!r} is not the key of a tag")
        if broken:
            return _keep(inbox, clock, broken)
        voice = None if self._voice_of is None else self._voice_of(workflow)
        draft = Draft(queue, inbox.actor, workflow, tag, clock, found.state, found.table(), found.exists, voice)
        if inbox.give_up:
            _give_up(draft, inbox)
            return draft.turn()
        for timer in inbox.timers:
            if timer.number == LINGER:
                end_lingering(draft)
            else:
                ask(draft, timer.number, timer.at)
        for envelope in inbox.envelopes:
            _handle(draft, envelope)
        go_on(draft)
        if draft.fans:
            faults.reached("in-fan-out")
        return draft.turn()

    def drop(self, live: Any) -> None:
        """Forget a cached tag: it is data."""


def _handle(draft: Draft, envelope: Envelope) -> None:
    message = envelope.message
    match message:
        case TagJoin():
            join(draft, envelope, message)
        case TagLeave():
            leave(draft, envelope, message)
        case TagClaim():
            claim(draft, envelope, message)
        case TagPass():
            draft.posts.append(Post(ActorAddress(draft.workflow, message.instance), message.envelope))
        case TagFan():
            fan(draft, envelope, message)
        case TagMembers():
            members(draft, envelope, message)
        case TagProbed():
            probed(draft, envelope, message)
        case Wake():
            pass
        case _:
            draft.bury(envelope, f"a tag does not understand a {type(message).__name__}")


def _give_up(draft: Draft, inbox: Inbox) -> None:
    """Let go of everything that may have brought the node down: the messages and the fan-out under way."""
    for timer in inbox.timers:
        draft.set_timer(timer.number, PROBE_AFTER)
    for envelope in inbox.envelopes:
        draft.bury(envelope, inbox.give_up)
    if draft.fans:
        one = draft.fans.pop(0)
        draft.bury(Envelope(one.id, draft.actor, TagFan(one.message, one.caller)), inbox.give_up)
        if one.caller is not None:
            draft.tell(one.caller, Refused("given_up", inbox.give_up), one.id)


def _keep(inbox: Inbox, clock: float, reason: str) -> Turn:
    """Leave a tag that cannot be read as it is, give its messages up, and put its timers off."""
    posts: list[Post] = [dead_letter(envelope, reason) for envelope in inbox.envelopes]
    for envelope in inbox.envelopes:
        caller: Caller | None = getattr(envelope.message, "caller", None)
        if caller is not None:
            posts.append(told(caller, Refused("broken", reason), {}, envelope.id, clock))
    if inbox.record is None:
        return Turn(posts=tuple(posts))
    write = ActorWrite(
        actor=inbox.actor,
        run="",
        status="tag",
        state=inbox.record.state,
        timers=tuple(msgspec.structs.replace(timer, at=clock + PROBE_AFTER) for timer in inbox.timers),
    )
    return Turn(write, posts=tuple(posts))
