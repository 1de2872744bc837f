"""`Describe`: what an operator wants to see of an instance."""

from __future__ import annotations

from leveret_actors.workflow.children import instance_of
from leveret_actors.workflow.draft import Draft
from leveret_actors.workflow.live import Live
from leveret_broker.envelope import Describe, Description, Envelope


def describe(draft: Draft, envelope: Envelope, message: Describe) -> None:
    """Answer as of the last turn: what came in this one has not been run yet."""
    live = draft.there
    if live is None or envelope.run not in {"", live.state.run}:
        draft.reply(message.caller, Description(found=False))
    else:
        draft.reply(message.caller, Description(found=True, data=_data(draft, live)))


def _data(draft: Draft, live: Live) -> dict[str, object]:
    head, instance = live.state, live.instance
    parent = None if live.begun is None else live.begun.parent
    pending: list[dict[str, object]] = []
    if instance is not None:
        pending = [
            {
                "number": operation.number,
                "kind": operation.kind,
                "name": operation.name,
                "due": operation.due,
                "instance": instance_of(operation),
            }
            for operation in instance.operations.pending.values()
        ]
    return {
        "workflow": head.workflow,
        "instance": draft.actor,
        "run": head.run,
        "status": head.status,
        "reason": head.reason or draft.stuck,
        "version": head.version,
        "parent": None if parent is None else [parent.workflow, parent.instance, parent.run],
        "tags": list(head.tags),
        "unique_tag": head.unique_tag,
        "meta": dict(head.meta),
        "methods": [{"id": "main", "name": head.method, "status": head.status}],
        "pending": pending,
        "signals": {} if instance is None else instance.channels.unread(),
        "times": {"started": head.started, "updated": head.updated, "closed": head.closed},
        "journal": {"records": head.records, "bytes": head.journal_bytes},
    }
