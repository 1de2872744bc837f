"""`Signal`: one value for a channel."""

from __future__ import annotations

from leveret_actors.workflow import state
from leveret_actors.workflow.draft import Draft
from leveret_actors.workflow.journal import SignalAccepted
from leveret_actors.workflow.live import Live
from leveret_actors.workflow.state import State
from leveret_broker.envelope import Envelope, Signal
from leveret_broker.ids import message_digest


def signal(draft: Draft, envelope: Envelope, message: Signal) -> None:
    """Accept it for an open instance, park a patient one for an instance to come, discard it otherwise."""
    event = SignalAccepted(message.channel, message.value, message_digest(envelope.id))
    live = draft.there
    if live is None:
        if message.patient:
            _park(draft, event)
        else:
            draft.passed.append(event.digest)
    elif live.state.is_closed:
        draft.passed.append(event.digest)
    else:
        draft.accept(event, envelope)


def _park(draft: Draft, event: SignalAccepted) -> None:
    if draft.live is None:
        draft.live = Live(State(draft.kind, "", state.AWAITED, draft.at, draft.at), draft.house.seen())
    live = draft.live
    if event.digest in live.seen or len(live.parked) >= draft.house.settings.parked:
        return
    live.seen.add(event.digest, draft.at)
    live.parked.append((draft.at, event))
    draft.rewrites = True
