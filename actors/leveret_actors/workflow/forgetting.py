"""A failed instance that nobody has retried for long vanishes; where it carries tags, in a turn that leaves them."""

from __future__ import annotations

from typing import Final

from leveret_actors.actor import Turn
from leveret_actors.store.contract import ActorWrite, Timer
from leveret_actors.workflow import joining, state
from leveret_actors.workflow.draft import Draft
from leveret_actors.workflow.live import Live

NUMBER: Final = -1
"""Of the timer; 0 is the workflow timeout, commands count from 1."""


def schedule(draft: Draft, live: Live) -> float:
    """See to it that a failed instance vanishes in time; returns when the store does that by itself, 0 for not."""
    head = live.state
    if head.status != state.FAILED:
        if draft.was_failed:
            draft.removed[head.run, NUMBER] = None
        return 0.0
    at = head.closed + draft.house.settings.failed_retention
    if not joining.tags_of(head):
        return at
    draft.timers.append(Timer(draft.actor, head.run, NUMBER, at))
    return 0.0


def forget(draft: Draft, live: Live) -> Turn:
    """Leave the tags and take everything off the store."""
    leaves = joining.leave_tags(draft.kind, draft.actor, live.state.tag_run, live.state, draft.at)
    gone = ActorWrite(actor=draft.actor, run="", status="", state=b"", delete=True, timers_removed=tuple(draft.removed))
    return Turn(gone, posts=(*draft.posts, *leaves))
