"""`RetryWorkflow`: what failed in the code, or is blocked, runs again."""

from __future__ import annotations

from leveret_actors.workflow import state, verbs
from leveret_actors.workflow.draft import Draft
from leveret_broker.envelope import Envelope, RetryWorkflow
from leveret_broker.ids import message_digest


def retry_workflow(draft: Draft, envelope: Envelope, message: RetryWorkflow) -> None:
    """Repeat the turn in which the instance failed; try anew what is blocked. Others have nothing to retry."""
    live = draft.there
    digest = message_digest(envelope.id)
    if live is None:
        draft.tell(message.caller, 0, "there is no such instance", found=False)
    elif digest in live.seen:
        draft.tell(message.caller, 0, "this request came before and was carried out")
    elif live.state.status == state.BLOCKED:
        if live.state.given_up:
            live.state.given_up = False
            draft.rewrites = True
            draft.revive(live)
        draft.tell(message.caller, 1, "tried again")
    elif live.state.status != state.FAILED or draft.rewound:
        draft.tell(message.caller, 0, f"nothing to retry: the instance is {live.state.status}")
    elif end := draft.course().end:
        verbs.resume(draft, live, digest, end, ())
        draft.tell(message.caller, 1, f"resumed before turn {end}")
    else:
        draft.tell(message.caller, 0, f"its journal cannot be used: {draft.stuck or 'it has no end'}")
