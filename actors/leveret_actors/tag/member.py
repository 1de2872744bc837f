"""Joining, leaving, and asking for members that were never made firm."""

from __future__ import annotations

from leveret_actors.tag.draft import ASK_AGAIN, Draft
from leveret_actors.tag.fan import catch_up
from leveret_broker.envelope import Envelope, Probe, TagJoin, TagLeave, TagProbed


def join(draft: Draft, _: Envelope, message: TagJoin) -> None:
    """Make an instance a member, or firm if it is one.

    Even a firm join that finds no member is asked for in an hour, however many more of it come: it may be a late copy
    of one whose leave has been handled.
    """
    who = (message.instance, message.run)
    number = draft.table.number(who)
    if not number:
        draft.add_member(who, doubtful=message.firm)
    elif message.firm and number not in draft.doubtful:
        draft.make_firm(number)


def leave(draft: Draft, _: Envelope, message: TagLeave) -> None:
    """Take an instance off, having sent it the fan-outs that came before."""
    who = (message.instance, message.run)
    catch_up(draft, who)
    draft.remove_member(who)


def ask(draft: Draft, number: int, at: float) -> None:
    """Ask the instance with this join number whether it exists: its hour is over."""
    who = draft.table.who(number)
    if who is None:
        draft.remove_timer(number)
        return
    instance, run = who
    draft.asked.add(number)
    draft.set_timer(number, ASK_AGAIN)
    draft.send(instance, f"{draft.actor}/{number}@{at:.0f}", Probe(draft.queue, draft.tag, run))


def probed(draft: Draft, _: Envelope, message: TagProbed) -> None:
    """Make the member firm, or take it off, as its instance's mailbox says; an answer not asked for is a late copy."""
    who = (message.instance, message.run)
    number = draft.table.number(who)
    if number not in draft.asked:
        return
    if message.known:
        draft.make_firm(number)
    else:
        draft.remove_member(who)
        # Its claim, should it come once more, begins anew: passed on without the tag it could make a second holder.
        draft.decided = [one for one in draft.decided if (one.instance, one.run) != who]
