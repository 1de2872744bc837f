"""Joining, leaving, and asking for members that were never made firm.

Messages may come again, long after they were handled, and the tag may have been empty and gone in between. A message
that was sent after `forgot`, and whose member has no leave among those remembered, is surely no late copy. Of others
only the instance can say what holds: it is asked.
"""

from __future__ import annotations

from leveret_actors.answers import done
from leveret_actors.tag.draft import ASK_AGAIN, Draft
from leveret_actors.tag.fan import catch_up
from leveret_actors.tag.tasks import is_of_tasks, probe
from leveret_broker.envelope import Envelope, Probe, TagJoin, TagLeave, TagProbed
from leveret_broker.messages.tag import BEGINS_NOTHING, FOR_GOOD


def join(draft: Draft, envelope: Envelope, message: TagJoin) -> None:
    """Make an instance a member, or firm if it is one."""
    who = (message.instance, message.run)
    if message.caller is not None:
        draft.posts.append(done(message.caller, draft.clock))
    if draft.has_left(who, message.number):
        return
    number = draft.table.number(who)
    # The leave of a task may never come, as when its instance is ended without its code: its tag asks for it each day.
    is_sure = message.firm and envelope.sent > draft.forgot and not is_of_tasks(draft)
    if not number:
        draft.add_member(who, firm=is_sure)
    elif is_sure:
        draft.make_firm(number)


def leave(draft: Draft, envelope: Envelope, message: TagLeave) -> None:
    """Take an instance off, having sent it the fan-outs that came before.

    The code of a run may join again what it has left, so a late copy of its leave must not count.
    """
    who = (message.instance, message.run)
    if message.caller is not None:
        draft.posts.append(done(message.caller, draft.clock))
    if message.number not in {FOR_GOOD, BEGINS_NOTHING}:
        if draft.has_left(who, message.number - 1):
            return
        if envelope.sent <= draft.forgot and draft.table.number(who):
            draft.set_timer(draft.table.number(who), 0.0)
            return
    catch_up(draft, who)
    draft.remove_member(who)
    draft.note_leave(who, message.number)


def ask(draft: Draft, number: int, at: float) -> None:
    """Ask the instance with this join number whether it carries the tag."""
    who = draft.table.who(number)
    if who is None:
        draft.remove_timer(number)
        return
    instance, run = who
    draft.set_timer(number, ASK_AGAIN)
    message_id = f"{draft.actor}/{number}@{at:.0f}"
    if is_of_tasks(draft):
        draft.posts.append(probe(draft, who, number, message_id))
        return
    draft.send(instance, message_id, Probe(draft.queue, draft.tag, run, number=number))


def probed(draft: Draft, _: Envelope, message: TagProbed) -> None:
    """Make the member firm, or take it off, as its instance's mailbox says; of another member it says nothing."""
    who = (message.instance, message.run)
    number = draft.table.number(who)
    if not number or number != message.number:
        return
    if not message.known:
        draft.remove_member(who)
        # Its claim, should it come once more, begins anew: passed on without the tag it could make a second holder.
        draft.decided = [one for one in draft.decided if (one.instance, one.run) != who]
    elif not is_of_tasks(draft):
        draft.make_firm(number)
