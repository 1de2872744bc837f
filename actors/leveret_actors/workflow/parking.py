"""Messages for an instance that has not been started yet: they wait a while for the start."""

from __future__ import annotations

from leveret_actors.workflow import posts, state
from leveret_actors.workflow.draft import Draft
from leveret_actors.workflow.journal import Called, SignalAccepted
from leveret_actors.workflow.live import Live, Parked
from leveret_actors.workflow.state import State
from leveret_broker.outcome import Unknown


def park(draft: Draft, event: Parked) -> bool:
    """Keep a message, once; False when there are too many."""
    if draft.live is None:
        draft.live = Live(State(draft.kind, "", state.AWAITED, draft.at, draft.at), draft.house.seen())
    live = draft.live
    if event.digest in live.seen:
        return True
    if len(live.parked) >= draft.house.settings.parked:
        return False
    live.seen.add(event.digest, draft.at)
    live.parked.append((draft.at, event))
    draft.rewrites = True
    return True


def give_up(draft: Draft, live: Live) -> None:
    """Let go of what has waited long enough."""
    until = draft.at - draft.house.settings.patience
    for at, event in live.parked:
        if at <= until and isinstance(event, Called) and event.caller is not None:
            where = {"workflow": draft.kind, "instance": draft.actor, "method": event.method}
            draft.posts.append(posts.answer(event.caller, Unknown(where), "", draft.at))
        elif at <= until and isinstance(event, SignalAccepted):
            draft.teller.discarded(event, "the instance was not started in time")
    live.parked = [(at, event) for at, event in live.parked if at > until]
    draft.rewrites = True
