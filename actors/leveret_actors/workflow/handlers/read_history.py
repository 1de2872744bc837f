"""`ReadHistory`: a page of the journal."""

from __future__ import annotations

from leveret_actors.workflow.draft import Draft
from leveret_broker.envelope import Envelope, HistoryPage, ReadHistory, Refused

PAGE_LIMIT = 1000
"""Most records of one page."""


def page_size(message: ReadHistory) -> int:
    """Return how many records the page may have."""
    return max(1, min(message.limit, PAGE_LIMIT))


def read_history(draft: Draft, envelope: Envelope, message: ReadHistory) -> None:
    """Answer with what `prepare` has read, or with what was loaded."""
    size = page_size(message)
    prepared: dict[str, list[bytes]] | None = draft.inbox.prepared
    if prepared is not None and envelope.id in prepared:
        records = prepared[envelope.id]
    elif draft.live is None:
        records = []
    elif draft.inbox.record is not None:
        records = list(draft.inbox.record.journal[message.after :])
    else:
        text = "the journal is not at hand: the node runs without a way to read journals"
        draft.reply(message.caller, Refused("no_history", text))
        return
    folded = 0 if draft.live is None else draft.live.state.folded
    draft.reply(message.caller, HistoryPage(tuple(records[:size]), more=len(records) > size, folded=folded))
