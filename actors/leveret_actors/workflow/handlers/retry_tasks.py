"""`RetryTasks`: tasks that ended without a value are sent again."""

from __future__ import annotations

from leveret_actors.workflow import state, verbs
from leveret_actors.workflow.course import Line, lines_of
from leveret_actors.workflow.draft import Draft
from leveret_actors.workflow.journal import TasksRetried
from leveret_actors.workflow.live import Live
from leveret_broker.envelope import Envelope, RetryTasks
from leveret_broker.ids import message_digest


def retry_tasks(draft: Draft, envelope: Envelope, message: RetryTasks) -> None:
    """Retry tasks as they stood after the last turn; resume the instance if it failed by one of them."""
    live = draft.there
    digest = message_digest(envelope.id)
    if live is None:
        draft.tell(message.caller, 0, "there is no such instance", found=False)
    elif digest in live.seen:
        draft.tell(message.caller, 0, "this request came before and was carried out")
    elif live.state.is_closed:
        draft.tell(message.caller, 0, f"nothing to retry: the instance is {live.state.status}")
    elif live.state.status == state.FAILED and not draft.rewound:
        _resume(draft, live, message, digest)
    else:
        tasks = verbs.matching(message, live.state.run, verbs.commands(draft, live).values())
        if not tasks:
            draft.tell(message.caller, 0, "no task matches: only tasks that ended without a value can be retried")
            return
        draft.accept(TasksRetried(digest, tuple(one.number for one in tasks)), envelope)
        verbs.exhume(draft, live, tasks)
        draft.tell(message.caller, len(tasks), f"retried {len(tasks)} task(s)")


def _resume(draft: Draft, live: Live, message: RetryTasks, digest: bytes) -> None:
    course = draft.course()
    lines = lines_of(course)
    tasks = [lines[one.number] for one in verbs.matching(message, live.state.run, lines.values())]
    causes = verbs.escaped(live, course, tasks)
    if not causes:
        what = "it has not failed by these tasks" if tasks else "no task matches"
        text = f"{what}; it failed with {live.state.reason}: mend its code, then use retry_workflow_task"
        draft.tell(message.caller, 0, text)
        return
    record = min(one.ended for one in causes)
    numbers = verbs.resume(draft, live, digest, record, [one.number for one in tasks])
    retried: list[Line] = [one for one in tasks if one.number in numbers]
    verbs.exhume(draft, live, retried)
    draft.tell(message.caller, len(numbers), f"retried {len(numbers)} task(s) and resumed before turn {record}")
