"""`Cancel`: of the instance, of one of its methods, or of one of its commands."""

from __future__ import annotations

from leveret_actors.workflow import verbs
from leveret_actors.workflow.asking import MAIN
from leveret_actors.workflow.draft import Draft
from leveret_actors.workflow.handlers.call import is_open
from leveret_actors.workflow.journal import CancelRequested
from leveret_actors.workflow.live import Live
from leveret_broker.envelope import Cancel, Envelope
from leveret_broker.ids import message_digest


def cancel(draft: Draft, envelope: Envelope, message: Cancel) -> None:
    """Accept it for an open instance."""
    live = draft.there
    digest = message_digest(envelope.id)
    if live is None or live.state.is_closed:
        draft.passed.append(digest)
        text = "there is no such instance" if live is None else f"the instance is {live.state.status} already"
        draft.tell(envelope, 0, text, found=live is not None)
    else:
        event = CancelRequested(digest, message.number, message.reason, message.force, message.method)
        if not draft.accept(event, envelope):
            draft.tell(envelope, 0, "this request came before and was carried out")
            return
        draft.tell(envelope, *_what(draft, live, message))


def _what(draft: Draft, live: Live, message: Cancel) -> tuple[int, str]:
    if message.method not in {"", MAIN}:
        if not is_open(draft, live, message.method):
            return 0, f"method {message.method} does not run"
        return 1, f"cancellation of method {message.method} requested"
    if message.number < 0:
        return 1, "ended without its code" if message.force else "cancellation requested"
    one = verbs.commands(draft, live).get(message.number)
    if one is None or one.status != "ongoing":
        return 0, f"command {message.number} is not pending"
    return 1, f"cancelled {one.kind} {one.name}".rstrip()
