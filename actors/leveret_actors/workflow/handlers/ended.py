"""`Ended`: the outcome of a command."""

from __future__ import annotations

from leveret_actors.workflow.draft import Draft
from leveret_actors.workflow.journal import CommandEnded
from leveret_actors.workflow.operations import ANSWERED
from leveret_broker.envelope import Ended, Envelope
from leveret_broker.ids import message_digest


def ended(draft: Draft, envelope: Envelope, message: Ended) -> None:
    """Accept it while the command is open; a late one is dropped."""
    live = draft.there
    if live is None or live.state.is_closed:
        return
    if live.instance is not None:
        operation = live.instance.operations.pending.get(message.number)
        if operation is None or operation.kind not in ANSWERED or operation.sequence != message.sequence:
            return
    digest = message_digest(envelope.id)
    event = CommandEnded(message.number, message.outcome, digest, message.attempt, message.worker, message.sequence)
    draft.accept(event, envelope)
