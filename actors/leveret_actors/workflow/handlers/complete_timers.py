"""`CompleteTimers`: pending timers fire now."""

from __future__ import annotations

from leveret_actors.workflow import state
from leveret_actors.workflow.draft import Draft
from leveret_actors.workflow.journal import TimersCompleted
from leveret_actors.workflow.operations import TIMER
from leveret_broker.envelope import CompleteTimers, Envelope
from leveret_broker.ids import message_digest


def complete_timers(draft: Draft, envelope: Envelope, message: CompleteTimers) -> None:
    """Fire the timers that are pending after the last turn; contract and workflow timeouts are none."""
    live = draft.there
    digest = message_digest(envelope.id)
    if live is None:
        draft.tell(envelope, 0, "there is no such instance", found=False)
    elif digest in live.seen:
        draft.tell(envelope, 0, "this request came before and was carried out")
    elif live.instance is None or live.state.status == state.FAILED:
        draft.tell(envelope, 0, f"no timers are completed: the instance is {live.state.status}")
    else:
        pending = live.instance.operations.pending.values()
        count = sum(one.kind == TIMER and message.method in {"", one.method} for one in pending)
        if count:
            draft.accept(TimersCompleted(digest, message.method), envelope)
        draft.tell(envelope, count, f"completed {count} timer(s)" if count else "no timer is pending")
