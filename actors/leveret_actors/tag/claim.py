"""Unique tags: one holder at a time, decided here, so that two starts cannot both win."""

from __future__ import annotations

from leveret_actors.actor import ActorAddress, Post
from leveret_actors.tag.draft import PROBE_AFTER, Draft
from leveret_actors.tag.state import DECISIONS, Decision, Who, who_digest
from leveret_broker.address import TAGS
from leveret_broker.envelope import (
    AwaitResult,
    ClientCaller,
    Ended,
    Envelope,
    Start,
    Started,
    TagClaim,
    TagLeave,
    WorkflowCaller,
    decode,
)
from leveret_broker.errors import DecodeError
from leveret_broker.ids import tag_key
from leveret_broker.messages.tag import BEGINS_NOTHING
from leveret_broker.outcome import Failed, Failure

LINGER: int = 0
"""Number of the timer that ends the memory of refused claims; join numbers begin at 1."""


def claim(draft: Draft, envelope: Envelope, message: TagClaim) -> None:
    """Give the tag to this start and pass the start on, or answer with who holds it."""
    who = (message.instance, message.run)
    holder = _decide(draft, who)
    if holder == who:
        draft.posts.append(Post(ActorAddress(draft.workflow, message.instance), message.start))
    else:
        _refuse(draft, envelope, message, holder)
        _leave(draft, message)


def end_lingering(draft: Draft) -> None:
    """Forget refused claims: a second copy of one does not come any more."""
    draft.lingers = 0.0
    draft.remove_timer(LINGER)


def _decide(draft: Draft, who: Who) -> Who:
    """Return whose the tag is by this claim; one decided before is decided the same way.

    A claim is known by its run, not by its message id: the same start sent again is a new claim of its run.
    """
    if draft.holder == who:
        return who
    digest = who_digest(who)
    for decision in draft.decided:
        if decision.digest == digest:
            return decision.instance, decision.run
    if draft.holder is None:
        draft.holder = who
        if not draft.table.number(who):
            draft.add_member(who)
    else:  # the holder may have left when a second copy of this claim comes, which must not start anything then
        draft.lingers = draft.clock + PROBE_AFTER
        draft.set_timer(LINGER, PROBE_AFTER)
    draft.decided = [*draft.decided[1 - DECISIONS :], Decision(digest, *draft.holder)]
    return draft.holder


def _refuse(draft: Draft, envelope: Envelope, message: TagClaim, holder: Who) -> None:
    """Tell the caller who holds the tag; a workflow that wants the existing instance's outcome is put in its line."""
    instance, run = holder
    conflict = message.on_conflict == "fail"
    caller = message.caller
    if isinstance(caller, ClientCaller):
        draft.answer(caller, Started(instance, run, new=False, conflict=conflict))
    elif caller is not None and conflict:
        _fail(draft, caller, holder)
    elif caller is not None:
        draft.send(instance, f"{envelope.id}/await", AwaitResult(caller), run=run)


def _leave(draft: Draft, message: TagClaim) -> None:
    """Take back the joins of the other tags, which came before the claim: its start begins nothing."""
    try:
        start = decode(message.start).message
    except DecodeError:  # as a start passed on would be: its own mailbox sees to it
        return
    for index, tag in enumerate(start.tags if isinstance(start, Start) else ()):
        if tag != draft.tag:
            key = tag_key(draft.workflow, tag)
            leave = TagLeave(message.instance, message.run, BEGINS_NOTHING)
            envelope = Envelope(f"{message.run}.l{index}", key, leave, sent=draft.clock)
            draft.posts.append(Post(ActorAddress(TAGS, key), envelope))


def _fail(draft: Draft, caller: WorkflowCaller, holder: Who) -> None:
    instance, run = holder
    failure = Failure(
        "leveret.errors.WorkflowAlreadyStarted",
        f"the unique tag {draft.tag!r} of {draft.workflow} is held by {instance!r} (run {run})",
        where={"workflow": draft.workflow, "instance": instance, "run": run, "reason": "conflict"},
    )
    ended = Ended(caller.number, Failed(failure))
    message_id = f"{caller.run}.{caller.number}/taken"
    draft.posts.append(Post(caller.queue, Envelope(message_id, caller.instance, ended, caller.run, draft.clock)))
