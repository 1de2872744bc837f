"""`RetryWorkflow`: what failed in the code, or is blocked, runs again."""

from __future__ import annotations

from leveret_actors.workflow import resuming, state, verbs
from leveret_actors.workflow.draft import Draft
from leveret_actors.workflow.live import Live
from leveret_broker.envelope import Envelope, RetryWorkflow
from leveret_broker.ids import message_digest


def retry_workflow(draft: Draft, envelope: Envelope, _message: RetryWorkflow) -> None:
    """Repeat the turn in which the instance failed; try anew what is blocked. Others have nothing to retry."""
    live = draft.there
    digest = message_digest(envelope.id)
    if live is None:
        draft.tell(envelope, 0, "there is no such instance", found=False)
    elif digest in live.seen:
        draft.tell(envelope, 0, "this request came before and was carried out")
    elif live.state.status == state.BLOCKED:
        if live.state.given_up:
            live.state.given_up = False
            draft.rewrites = True
            draft.revive(live)
        draft.teller.tried_again(digest)
        draft.tell(envelope, 1, "tried again")
    elif live.state.status == state.RUNNING and not draft.rewound:
        _resume_methods(draft, live, envelope)
    elif live.state.status != state.FAILED or draft.rewound:
        draft.tell(envelope, 0, f"nothing to retry: the instance is {live.state.status}")
    elif end := draft.course().end:
        verbs.resume(draft, live, digest, end, ())
        draft.tell(envelope, 1, f"resumed before turn {end}")
    else:
        draft.tell(envelope, 0, f"its journal cannot be used: {draft.stuck or 'it has no end'}")


def _resume_methods(draft: Draft, live: Live, envelope: Envelope) -> None:
    """Repeat the turns in which called methods failed, where that takes nothing of others back."""
    looked = resuming.look(draft, live, envelope)
    if looked is None:
        draft.tell(envelope, 0, "nothing to retry: the instance is running, and no method of it has failed")
        return
    chosen = looked.resumable(looked.fallen)
    why = "; ".join(looked.refusal(one) for one in looked.fallen if one not in chosen)
    told = resuming.resume(draft, looked, message_digest(envelope.id), chosen, ()) if chosen else ""
    draft.tell(envelope, len(chosen), "; ".join(filter(None, (told, why))))
