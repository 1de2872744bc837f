"""`Cancel`: of the instance, or of one of its commands."""

from __future__ import annotations

from leveret_actors.workflow.draft import Draft
from leveret_actors.workflow.journal import CancelRequested
from leveret_broker.envelope import Cancel, Envelope
from leveret_broker.ids import message_digest


def cancel(draft: Draft, envelope: Envelope, message: Cancel) -> None:
    """Accept it for an open instance."""
    live = draft.there
    digest = message_digest(envelope.id)
    if live is None or live.state.is_closed:
        draft.passed.append(digest)
    elif message.method in {"", "main"}:
        draft.accept(CancelRequested(digest, message.number, message.reason), envelope)
