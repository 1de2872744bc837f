"""The end of a run: who is told, and what is taken down."""

from __future__ import annotations

from collections.abc import Iterable

from leveret_actors.workflow import operations as ops
from leveret_actors.workflow import posts, sending
from leveret_actors.workflow.bounds import REASON_LIMIT, readable
from leveret_actors.workflow.course import lines_of
from leveret_actors.workflow.draft import Draft
from leveret_actors.workflow.instance import Emission
from leveret_actors.workflow.journal import MethodEnded
from leveret_actors.workflow.live import Live
from leveret_actors.workflow.outcomes import status_of
from leveret_broker.outcome import Completed, Failed, Outcome


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


def end_others(draft: Draft, live: Live, ended: Iterable[MethodEnded]) -> None:
    """Tell all who wait for these methods."""
    for end in ended:
        for waiter in live.end_method(end):
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
    assert begun is not None
    draft.posts.extend(posts.leave_tags(draft.kind, draft.actor, live.state.tag_run, begun, draft.at))
    draft.timers.clear()
    if begun.timeout or instance is None or instance.methods.main.timeout:
        draft.removed[begun.run, 0] = None
    if instance is None:
        if live.state.given_up or not draft.revive(live):
            _take_down_unseen(draft, begun.run)
            return
        instance = live.instance
        assert instance is not None
    # What this turn issued: its tasks go out (compensation on the way to the end), its timers are not set.
    new: set[int] = set() if emission is None else {operation.number for operation in emission.issued}
    old = [operation for operation in instance.operations.pending.values() if operation.number not in new]
    draft.removed.update(((begun.run, operation.number), None) for operation in old if operation.due)
    if not isinstance(outcome, Completed):
        sending.call_off(draft, begun.run, old)


def _take_down_unseen(draft: Draft, run: str) -> None:
    """Take down what an instance without code has open, as its journal tells."""
    lines = [line for line in lines_of(draft.course()).values() if line.status == "ongoing"]
    draft.removed.update(((run, line.number), None) for line in lines if line.kind in {ops.TASK, ops.TIMER})
    sending.call_off(draft, run, lines)
