"""The end of a run: who is told, and what is taken down."""

from __future__ import annotations

from collections.abc import Iterable

from leveret_actors.workflow import joining, posts, sending, task_tags
from leveret_actors.workflow import operations as ops
from leveret_actors.workflow.bounds import REASON_LIMIT, readable
from leveret_actors.workflow.course import lines_of
from leveret_actors.workflow.draft import Draft
from leveret_actors.workflow.instance import Emission
from leveret_actors.workflow.journal import Record
from leveret_actors.workflow.live import Live
from leveret_actors.workflow.operations import Operation
from leveret_broker.outcome import Completed, Failed, Outcome, status_of


def main_has_ended(live: Live) -> bool:
    """Tell whether the main method has ended for good: a failed one may be resumed."""
    return live.state.outcome is not None and not isinstance(live.state.outcome, Failed)


def is_over(live: Live) -> bool:
    """Tell whether no method is left."""
    running = () if live.instance is None else live.instance.methods.others
    return main_has_ended(live) and not live.calls and not running


def end_main(draft: Draft, live: Live, outcome: Outcome) -> None:
    """Tell all who wait for the main method. A failure lets the instance stand still: it can be resumed."""
    head = live.state
    head.outcome = outcome
    for waiter in live.waiters:
        draft.posts.append(posts.answer(waiter, outcome, head.run, draft.at))
    live.waiters.clear()
    if isinstance(outcome, Failed):
        _set_end(draft, live, outcome)


def end_others(draft: Draft, live: Live, record: Record) -> None:
    """Tell all who wait for the methods that ended in this turn."""
    for end in record.ended:
        for waiter in live.end_method(end, record.number):
            draft.posts.append(posts.answer(waiter, end.outcome, live.state.run, draft.at))


def close(draft: Draft, live: Live, emission: Emission | None) -> None:
    """End the run as its main method ended, now that no other method runs."""
    outcome = live.state.outcome
    assert outcome is not None
    _set_end(draft, live, outcome)
    _take_down(draft, live, outcome, emission)


def _set_end(draft: Draft, live: Live, outcome: Outcome) -> None:
    head = live.state
    head.status = status_of(outcome)
    head.closed = draft.at
    head.reason = readable(_reason(outcome))[:REASON_LIMIT]


def _reason(outcome: Outcome) -> str:
    if isinstance(outcome, Failed):
        return f"{outcome.failure.type}: {outcome.failure.message}"
    return "" if isinstance(outcome, Completed) else outcome.where.get("reason", "")


def _take_down(draft: Draft, live: Live, outcome: Outcome, emission: Emission | None) -> None:
    begun, instance = live.begun, live.instance
    was_stepped = instance is not None
    assert begun is not None
    draft.posts.extend(joining.leave_tags(draft.kind, draft.actor, live.state.tag_run, live.state, draft.at))
    draft.timers.clear()
    if begun.timeout or instance is None or instance.methods.main.timeout:
        draft.removed[begun.run, 0] = None
    if instance is None:
        if live.state.given_up or not draft.revive(live):
            _take_down_unseen(draft, begun.run, live.state.reason)
            return
        instance = live.instance
        assert instance is not None
    pending = list(instance.operations.pending.values())
    known = [*pending, *instance.operations.ended.values()]
    draft.posts.extend(task_tags.leave(known, draft.kind, draft.actor, begun.run, draft.at))
    draft.teller.takes_down(pending if was_stepped else _not_ended(draft, pending))
    # What this turn issued: its tasks go out (compensation on the way to the end), its timers are not set.
    new: set[int] = set() if emission is None else {operation.number for operation in emission.issued}
    old = [operation for operation in pending if operation.number not in new]
    draft.removed.update(((begun.run, operation.number), None) for operation in old if operation.due)
    if not isinstance(outcome, Completed):
        sending.call_off(draft, begun.run, old, live.state.reason)


def _take_down_unseen(draft: Draft, run: str, reason: str) -> None:
    """Take down what an instance without code has open, as its journal tells."""
    lines = [line for line in lines_of(draft.course()).values() if line.status == "ongoing"]
    # A timer that the code took back is not told apart from one that is set: removing both is safe, telling is not.
    draft.teller.takes_down([line for line in lines if line.kind != ops.TIMER])
    draft.removed.update(((run, line.number), None) for line in lines if line.kind in {ops.TASK, ops.TIMER})
    sending.call_off(draft, run, lines, reason)


def _not_ended(draft: Draft, pending: Iterable[Operation]) -> list[Operation]:
    """Leave out what ended while the instance stood still: the journal has it, no code has seen it."""
    lines = lines_of(draft.course())
    return [one for one in pending if one.number not in lines or lines[one.number].status == "ongoing"]
