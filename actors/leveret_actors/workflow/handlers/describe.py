"""`Describe`: what an operator wants to see of an instance."""

from __future__ import annotations

from leveret_actors.answers import told
from leveret_actors.workflow import describing
from leveret_actors.workflow.asking import MAIN
from leveret_actors.workflow.draft import Draft
from leveret_actors.workflow.lines import line_that_waits
from leveret_actors.workflow.live import Live
from leveret_broker.envelope import Describe, Description, Envelope
from leveret_broker.outcome import Failed, status_of


def describe(draft: Draft, envelope: Envelope, message: Describe) -> None:
    """Answer as of the last turn: what came in this one has not been run yet."""
    live = draft.there
    if live is None or envelope.run not in {"", live.state.run}:
        description = Description(found=False)
    else:
        description = Description(found=True, data=_data(draft, live))
    where = {"workflow": draft.kind, "instance": draft.actor}
    draft.posts.append(told(message.caller, description, where, envelope.id, draft.at))


def _data(draft: Draft, live: Live) -> dict[str, object]:
    head, instance = live.state, live.instance
    parent = None if live.begun is None else live.begun.parent
    return {
        "workflow": head.workflow,
        "instance": draft.actor,
        "run": head.run,
        "status": head.status,
        "reason": describing.reason(draft, live),
        "version": head.version or (0 if live.begun is None else live.begun.version),
        "patches": [] if instance is None else instance.patches.taken,
        "versions": sorted(draft.house.definitions),
        "parent": None if parent is None else [parent.workflow, parent.instance, parent.run],
        "tags": list(head.tags),
        "unique_tag": head.unique_tag,
        "meta": dict(head.meta),
        "methods": _methods(draft, live),
        "pending": describing.pending(draft, live),
        "retryable": describing.retryable(draft, live),
        "properties": describing.properties(draft, live),
        "failure": describing.failure(draft, live),
        "hint": describing.hint(draft, live),
        "signals": {} if instance is None else instance.channels.unread(),
        "times": {"started": head.started, "updated": head.updated, "closed": head.closed},
        "journal": {
            "records": head.records - head.folded,
            "turns": head.records,
            "entries": head.entries,
            "bytes": head.journal_bytes,
        },
    }


def _methods(draft: Draft, live: Live) -> list[dict[str, object]]:
    """Return the main method, those that run beside it, and those that failed, with what each awaits."""
    head = live.state
    status = head.status if head.outcome is None else status_of(head.outcome)
    methods = [_method(live, MAIN, head.method, status)]
    methods += [_method(live, identity, call.name, head.status) for identity, call in live.calls.items()]
    for identity, end in live.ended.items():
        if isinstance(end.outcome, Failed):
            failed = _method(live, identity, end.name, "failed")
            methods.append({**failed, "reason": describing.briefly(draft, end.outcome)})
    return methods


def _method(live: Live, identity: str, name: str, status: str) -> dict[str, object]:
    described: dict[str, object] = {"id": identity, "name": name, "status": status}
    running = None if live.instance is None else live.instance.methods.get(identity)
    if live.instance is not None and running is not None and not running.is_done:
        pending = live.instance.operations.pending.values()
        described["awaits"] = [operation.number for operation in pending if operation.method == identity]
        described["line"] = line_that_waits(running.coroutine)
    return described
