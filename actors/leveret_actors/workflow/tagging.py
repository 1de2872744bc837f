"""The tags of an instance: joined at its start, changed by its code, left at its end.

The head has what the tags were told; the code's own view follows the turns that count. They differ only after a rewind.
"""

from __future__ import annotations

from collections.abc import Iterable

from leveret.calls import TagCall
from leveret_actors.workflow.draft import Draft
from leveret_actors.workflow.instance import Instance
from leveret_actors.workflow.joining import to_tag
from leveret_actors.workflow.live import Live
from leveret_actors.workflow.operations import TAGGING, Operation
from leveret_broker.envelope import TagJoin, TagLeave, WorkflowCaller


def change(draft: Draft, live: Live, issued: Iterable[Operation]) -> None:
    """Send what a turn changed, in order, and mend what a rewind has left."""
    instance = live.instance
    assert instance is not None
    wanted = [one for one in issued if one.kind in TAGGING]
    for operation in wanted:
        call = operation.call
        assert isinstance(call, TagCall)
        _send(draft, live, call, _caller(draft, instance, operation))
    if wanted or draft.rewinds:
        _mend(draft, live, instance.info().tags)


def _mend(draft: Draft, live: Live, carried: frozenset[str]) -> None:
    """Undo the changes of void turns."""
    told = frozenset(live.state.tags)
    for tag in sorted(carried ^ told):
        _send(draft, live, TagCall(tag, remove=tag in told))


def _send(draft: Draft, live: Live, call: TagCall, caller: WorkflowCaller | None = None) -> None:
    head = live.state
    head.tag_changes += 1
    head.tags = tuple(sorted({*head.tags} - {call.tag} if call.remove else {*head.tags, call.tag}))
    run, number = head.tag_run, head.tag_changes
    if call.remove:
        message: TagJoin | TagLeave = TagLeave(draft.actor, run, number, caller)
    else:
        message = TagJoin(draft.actor, run, firm=True, number=number, caller=caller)
    draft.posts.append(to_tag(draft.kind, call.tag, f"{run}.t{number}", message, draft.at))


def _caller(draft: Draft, instance: Instance, operation: Operation) -> WorkflowCaller:
    begun = instance.begun
    return WorkflowCaller(draft.queue, draft.actor, begun.run, operation.number, draft.kind, begun.method)
