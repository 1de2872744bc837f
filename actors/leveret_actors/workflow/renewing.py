"""Continue-as-new: the end of one run and the beginning of the next, in one commit; the next turn runs it.

The old run's journal goes. Tags keep the first run of the chain as their member: the instance answers for it.
"""

from __future__ import annotations

from dataclasses import replace

from leveret_actors.workflow import sending, state, task_tags
from leveret_actors.workflow.draft import Draft
from leveret_actors.workflow.instance import Emission
from leveret_actors.workflow.journal import Begun, Event, Record, ResultAwaited
from leveret_actors.workflow.live import Live
from leveret_actors.workflow.operations import RUNNING, Operation
from leveret_actors.workflow.state import State
from leveret_broker.codec import Payload
from leveret_broker.ids import message_digest, run_of


def last_words(live: Live, emission: Emission) -> Emission:
    """Return what the last turn of a run sends: not what would be cancelled at once."""
    assert live.instance is not None
    sent: list[Operation] = []
    for one in emission.issued:
        is_detached = one.child is not None and one.child.detached
        if one.status == "ongoing" and one.kind in RUNNING and not is_detached:
            del live.instance.operations.pending[one.number]
        else:
            sent.append(one)
    return replace(emission, issued=sent)


def begin_next(draft: Draft, old: Live, arguments: Payload) -> Live:
    """Take the old run down, and return the next one of the same id, which has not run yet."""
    begun = _begun(draft, old, arguments)
    signals = _take_down(draft, old)
    draft.events.clear()
    draft.events += [begun, *signals]
    for index, waiter in enumerate(old.waiters):
        draft.events.append(ResultAwaited(waiter, message_digest(f"{begun.run}/w{index}")))
    head = State(
        draft.kind,
        begun.run,
        state.RUNNING,
        draft.at,
        draft.at,
        method=begun.method,
        tags=begun.tags,
        unique_tag=begun.unique_tag,
        meta=begun.meta,
        starts=old.state.starts,
        chain=_chain(old.state),
        tag_changes=old.state.tag_changes,
    )
    draft.replaces = draft.renews = True
    draft.live = Live(head, draft.house.seen(), begun)
    draft.teller.continued(draft.live)
    return draft.live


def first_record(draft: Draft, live: Live) -> Record:
    """Return the record that begins the next run, before its code runs."""
    record = Record(1, draft.at, 0, tuple(draft.events), ran=False)
    live.journal(record)
    live.state.entries = len(record.events)
    return record


def _begun(draft: Draft, old: Live, arguments: Payload) -> Begun:
    before = old.begun
    assert before is not None
    message_id = f"{before.run}/next"
    return Begun(
        run_of(draft.kind, draft.actor, message_id),
        before.method,
        arguments,
        message_digest(message_id),
        tags=old.state.tags,
        unique_tag=before.unique_tag,
        meta=before.meta,
        parent=before.parent,
        timeout=before.timeout,
        version=before.version,
        remembered=tuple(old.seen.items()),
    )


def _take_down(draft: Draft, old: Live) -> list[Event]:
    """Call off what the run has open; returns its unread signals."""
    instance, run = old.instance, old.state.run
    assert instance is not None
    pending: list[Operation] = list(instance.operations.pending.values())
    known = [*pending, *instance.operations.ended.values()]
    draft.posts.extend(task_tags.leave(known, draft.kind, draft.actor, run, draft.at))
    draft.teller.takes_down(pending)
    draft.timers.clear()
    draft.removed.update(((run, one.number), None) for one in pending if one.due)
    if instance.methods.main.timeout:
        draft.removed[run, 0] = None
    sending.call_off(draft, run, pending)
    return list(instance.channels.left())


def _chain(head: State) -> tuple[bytes, ...]:
    """Return the runs that the next one goes on from; of a long chain the first and the last ones."""
    first, *others = (*head.chain, bytes.fromhex(head.run))
    return (first, *others[1 - state.STARTS_KEPT :])
