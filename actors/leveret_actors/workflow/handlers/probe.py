"""`Probe`: a tag asks whether a run exists."""

from __future__ import annotations

from leveret_actors.actor import Post
from leveret_actors.workflow.draft import Draft
from leveret_broker.envelope import Envelope, Probe, TagProbed
from leveret_broker.ids import tag_key


def probe(draft: Draft, envelope: Envelope, message: Probe) -> None:
    """Answer: known is an open run."""
    live = draft.there
    known = live is not None and message.run in {live.state.run, live.state.tag_run} and not live.state.is_closed
    probed = TagProbed(draft.actor, message.run, known)
    draft.posts.append(
        Post(message.queue, Envelope(f"{envelope.id}.a", tag_key(draft.kind, message.tag), probed, sent=draft.at))
    )
