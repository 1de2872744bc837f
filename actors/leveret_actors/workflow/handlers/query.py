"""`Query`: what a read-only method says."""

from __future__ import annotations

from leveret_actors.workflow import posts
from leveret_actors.workflow.draft import Draft
from leveret_actors.workflow.handlers.call import unknown
from leveret_broker.envelope import Envelope, Query


def query(draft: Draft, envelope: Envelope, message: Query) -> None:
    """Ask at the end of the turn, so that it sees what came before it; nobody is there to ask where nothing began."""
    live = draft.there
    if live is None or envelope.run not in {"", live.state.run}:
        draft.posts.append(posts.answer(message.caller, unknown(draft, message.method), envelope.id, draft.at))
    else:
        draft.queries.append((envelope, message))
