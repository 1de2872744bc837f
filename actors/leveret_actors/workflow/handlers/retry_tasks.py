"""`RetryTasks`: tasks that ended without a value are sent again."""

from __future__ import annotations

from leveret_actors.workflow import resuming, state, verbs
from leveret_actors.workflow.course import Line, lines_of
from leveret_actors.workflow.draft import Draft
from leveret_actors.workflow.journal import TasksRetried
from leveret_actors.workflow.live import Live
from leveret_actors.workflow.operations import Operation
from leveret_actors.workflow.resuming import Looked
from leveret_broker.envelope import Envelope, RetryTasks
from leveret_broker.ids import message_digest


def retry_tasks(draft: Draft, envelope: Envelope, message: RetryTasks) -> None:
    """Retry tasks as they stood after the last turn; resume the instance if it failed by one of them."""
    live = draft.there
    digest = message_digest(envelope.id)
    if live is None:
        draft.tell(envelope, 0, "there is no such instance", found=False)
    elif digest in live.seen:
        draft.tell(envelope, 0, "this request came before and was carried out")
    elif live.state.is_closed:
        draft.tell(envelope, 0, f"nothing to retry: the instance is {live.state.status}")
    elif live.state.status == state.FAILED and not draft.rewound:
        _resume(draft, live, envelope, message)
    else:
        tasks = verbs.matching(message, live.state.run, verbs.commands(draft, live).values())
        if not tasks:
            draft.tell(envelope, 0, "no task matches: only tasks that ended without a value can be retried")
            return
        looked = resuming.look(draft, live, envelope)
        if looked is not None:
            _resume_methods(draft, envelope, looked, [one.number for one in tasks])
        else:
            _retry(draft, live, envelope, tasks)


def _retry(draft: Draft, live: Live, envelope: Envelope, tasks: list[Line | Operation], refused: str = "") -> None:
    """Send tasks again whose failure ended no method, or one that goes on."""
    if tasks:
        numbers = tuple(one.number for one in tasks)
        draft.accept(TasksRetried(message_digest(envelope.id), numbers), envelope)
        verbs.exhume(draft, live, tasks)
    told = f"retried {len(tasks)} task(s)" if tasks or not refused else ""
    draft.tell(envelope, len(tasks), "; ".join(filter(None, (told, refused))))


def _resume_methods(draft: Draft, envelope: Envelope, looked: Looked, numbers: list[int]) -> None:
    """Resume the methods that failed by these tasks; a task whose method cannot be resumed is of no use to anybody."""
    lines = lines_of(looked.course)
    fallen = looked.by_tasks(lines[number] for number in numbers if number in lines)
    chosen = looked.resumable(fallen)
    refused = [one for one in fallen if one not in chosen]
    useless = frozenset[int]().union(*(one.tasks for one in refused)) - frozenset[int]().union(
        *(one.tasks for one in chosen)
    )
    why = "; ".join(looked.refusal(one) for one in refused)
    kept = [number for number in numbers if number not in useless]
    if not chosen:
        known = verbs.commands(draft, looked.live)
        _retry(draft, looked.live, envelope, [known[number] for number in kept], why)
        return
    told = resuming.resume(draft, looked, message_digest(envelope.id), chosen, kept)
    draft.tell(envelope, len(kept), "; ".join(filter(None, (f"retried {len(kept)} task(s) and {told}", why))))


def _resume(draft: Draft, live: Live, envelope: Envelope, message: RetryTasks) -> None:
    course = draft.course()
    lines = lines_of(course)
    tasks = [lines[one.number] for one in verbs.matching(message, live.state.run, lines.values())]
    causes = verbs.escaped(live, course, tasks)
    if not causes:
        what = "it has not failed by these tasks" if tasks else "no task matches"
        text = f"{what}; it failed with {live.state.reason}: mend its code, then use retry_workflow_task"
        draft.tell(envelope, 0, text)
        return
    record = min(one.ended for one in causes)
    numbers = verbs.resume(draft, live, message_digest(envelope.id), record, [one.number for one in tasks])
    retried: list[Line] = [one for one in tasks if one.number in numbers]
    verbs.exhume(draft, live, retried)
    draft.tell(envelope, len(numbers), f"retried {len(numbers)} task(s) and resumed before turn {record}")
