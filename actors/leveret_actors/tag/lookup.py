"""What a tag's turn needs from the store: its state and the members that its messages speak of."""

from __future__ import annotations

from typing import Final, Protocol

import msgspec

from leveret_actors.actor import Inbox
from leveret_actors.store.contract import Member
from leveret_actors.tag.state import TagState, Who, load_state
from leveret_actors.tag.table import END, Slice, Table
from leveret_broker.address import MailboxQueue
from leveret_broker.envelope import TagClaim, TagFan, TagJoin, TagLeave, TagMembers, TagProbed
from leveret_broker.errors import DecodeError

PAGE: Final = 500
"""Members that a turn of a fan-out covers; a tag with at most as many is looked up, and cached, as a whole."""

LISTED: Final = 1000
"""Most members in one `MembersPage`."""


class MemberReader(Protocol):
    """The part of the store that tags read."""

    async def members(self, queue: MailboxQueue, actor: str, after: int, limit: int) -> list[Member]:
        """See `Store.members`."""
        ...

    async def find_members(self, queue: MailboxQueue, actor: str, who: list[Who]) -> list[int]:
        """See `Store.find_members`."""
        ...


class Live(msgspec.Struct, frozen=True):
    """A cached tag."""

    state: TagState
    members: tuple[Member, ...] | None
    """All of them, if they are few."""


class Found(msgspec.Struct, frozen=True):
    """What was looked up."""

    state: TagState
    exists: bool
    """The store has something of this tag."""
    slices: tuple[Slice, ...] = ()
    numbers: dict[Who, int] = {}
    broken: str = ""
    """Not empty: why the stored state cannot be read."""

    def table(self) -> Table:
        """Return the members for one turn."""
        return Table(self.slices, self.numbers)


def found_without_store(inbox: Inbox) -> Found:
    """Return what is known of a tag from the inbox alone."""
    if isinstance(inbox.live, Live):
        live = inbox.live
        return Found(
            live.state, exists=True, slices=() if live.members is None else (Slice(0, live.members, end=True),)
        )
    if inbox.record is None:
        return Found(TagState(), exists=bool(inbox.timers), slices=(Slice(0, (), end=True),))
    try:
        return Found(load_state(inbox.record.state), exists=True)
    except DecodeError as error:
        return Found(TagState(), exists=True, broken=str(error))


async def look_up(store: MemberReader, queue: MailboxQueue, inbox: Inbox) -> Found:
    """Return what one tag's turn needs: one trip to the store if the tag is small, else one per kind of question."""
    found = found_without_store(inbox)
    if found.slices or found.broken:
        return found
    if found.state.count <= PAGE:
        part = await _slice(store, queue, inbox.actor, 0, PAGE)
        if part.end:
            return msgspec.structs.replace(found, slices=(part,))
    slices: list[Slice] = [
        await _slice(store, queue, inbox.actor, after, limit) for after, limit in _cursors(found.state, inbox)
    ]
    slices += await _timed(store, queue, inbox)
    who = _named(inbox)
    numbers = await store.find_members(queue, inbox.actor, who) if who else []
    return msgspec.structs.replace(found, slices=tuple(slices), numbers=dict(zip(who, numbers)))


def _named(inbox: Inbox) -> list[Who]:
    """Return who the messages speak of."""
    named: dict[Who, None] = {}
    for envelope in inbox.envelopes:
        message = envelope.message
        if isinstance(message, TagJoin | TagLeave | TagClaim | TagProbed):
            named[message.instance, message.run] = None
    return list(named)


def _cursors(state: TagState, inbox: Inbox) -> list[tuple[int, int]]:
    """Return where pages are wanted: for the fan-out under way, and for listings."""
    wanted: dict[tuple[int, int], None] = {}
    messages = [envelope.message for envelope in inbox.envelopes]
    if state.fans or any(isinstance(message, TagFan) for message in messages):
        wanted[state.fans[0].after if state.fans else 0, PAGE] = None
    for message in messages:
        if isinstance(message, TagMembers):
            wanted[max(0, message.after), LISTED] = None
    return list(wanted)


async def _timed(store: MemberReader, queue: MailboxQueue, inbox: Inbox) -> list[Slice]:
    """Return stretches of members that hold those whose timers are due."""
    slices: list[Slice] = []
    reached = 0
    for number in sorted(timer.number for timer in inbox.timers if timer.number > 0):
        if number > reached:
            slices.append(await _slice(store, queue, inbox.actor, number - 1, PAGE))
            reached = slices[-1].covers
        if reached == END:
            break
    return slices


async def _slice(store: MemberReader, queue: MailboxQueue, actor: str, after: int, limit: int) -> Slice:
    members = await store.members(queue, actor, after, limit + 1)
    return Slice(after, tuple(members[:limit]), end=len(members) <= limit)
