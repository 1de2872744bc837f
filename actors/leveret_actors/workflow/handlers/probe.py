"""`Probe`: a tag asks whether a run carries it."""

from __future__ import annotations

from leveret_actors.actor import Post
from leveret_actors.workflow import verbs
from leveret_actors.workflow.draft import Draft
from leveret_actors.workflow.joining import tags_of
from leveret_broker.envelope import Envelope, Probe, TagProbed
from leveret_broker.ids import owner_of_task, tag_key, task_tag_key


def probe(draft: Draft, envelope: Envelope, message: Probe) -> None:
    """Answer: known is an open run that carries the tag."""
    if message.service:
        _probe_task(draft, envelope, message)
        return
    live = draft.there
    known = (
        live is not None
        and message.run in {live.state.run, live.state.tag_run}
        and not live.state.is_closed
        and message.tag in tags_of(live.state)
    )
    probed = TagProbed(draft.actor, message.run, known, message.number)
    draft.posts.append(
        Post(message.queue, Envelope(f"{envelope.id}.a", tag_key(draft.kind, message.tag), probed, sent=draft.at))
    )


def _probe_task(draft: Draft, envelope: Envelope, message: Probe) -> None:
    """Answer: known is a task that is open or can be retried."""
    live = draft.there
    known = False
    if live is not None and not live.state.is_closed and live.state.run == message.run:
        number = int(message.task.rpartition(".")[2])
        known = number in verbs.commands(draft, live)
    probed = TagProbed(message.task, owner_of_task(draft.kind, draft.actor), known, message.number)
    key = task_tag_key(message.service, message.tag)
    draft.posts.append(Post(message.queue, Envelope(f"{envelope.id}.a", key, probed, sent=draft.at)))
