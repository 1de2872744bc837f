"""`Signal`: one value for a channel."""

from __future__ import annotations

from leveret_actors.workflow.draft import Draft
from leveret_actors.workflow.journal import SignalAccepted
from leveret_actors.workflow.parking import park
from leveret_broker.envelope import Envelope, Signal
from leveret_broker.ids import message_digest


def signal(draft: Draft, envelope: Envelope, message: Signal) -> None:
    """Accept it for an open instance, park a patient one for an instance to come, discard it otherwise."""
    event = SignalAccepted(message.channel, message.value, message_digest(envelope.id))
    live = draft.there
    if live is None:
        if not message.patient:
            draft.passed.append(event.digest)
            draft.teller.discarded(event, "there is no such instance", envelope)
            draft.tell(envelope, 0, "there is no such instance", found=False)
        elif not park(draft, event):
            draft.teller.discarded(event, "too many signals wait for the start of this instance", envelope)
    elif live.state.is_closed:
        draft.passed.append(event.digest)
        draft.teller.discarded(event, f"the instance is closed: {live.state.status}", envelope)
        draft.tell(envelope, 0, f"the instance is {live.state.status} already", found=False)
    else:
        draft.accept(event, envelope)
        draft.tell(envelope, 1, "accepted")
