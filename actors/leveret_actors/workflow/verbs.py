"""What the operator's verbs have in common: which tasks they mean, how a failed instance is resumed, what is told."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from leveret_actors import answers
from leveret_actors.actor import Post
from leveret_actors.store.contract import Timer
from leveret_actors.workflow import sending, state
from leveret_actors.workflow.course import Course, Line, ends_one_of, lines_of
from leveret_actors.workflow.draft import Draft
from leveret_actors.workflow.instance import Instance
from leveret_actors.workflow.journal import CancelRequested, Rewound, TasksRetried
from leveret_actors.workflow.live import Live
from leveret_actors.workflow.operations import RUNNING, TASK, TIMER, Operation
from leveret_broker.envelope import RetryTasks
from leveret_broker.ids import letter_id, sequence_key, task_id
from leveret_broker.outcome import DEAD_LETTERED, NOT_SENT, Cancelled, Failed, Failure, Outcome

BY_DEFAULT = ("failed", "timed_out")
"""The statuses of the tasks that are retried when none is named."""
ENDED = frozenset({"failed", "timed_out", "cancelled"})
"""The statuses of tasks that ended without a value."""
BURIED = frozenset({DEAD_LETTERED, NOT_SENT})
"""Types of the failures of tasks that became dead letters."""


def told(draft: Draft) -> Iterator[Post]:
    """Yield the answers to this turn's verbs, with what became of the instance."""
    head = None if draft.live is None else draft.live.state
    where = {"workflow": draft.kind, "instance": draft.actor}
    for caller, request, did in draft.done:
        answer = did
        if head is not None and did.found:
            text = f"{did.text}; it is blocked: {head.reason}" if head.status == state.BLOCKED else did.text
            answer = msgspec.structs.replace(did, text=text, status=head.status)
        yield answers.told(caller, answer, where, request, draft.at)


def commands(draft: Draft, live: Live) -> dict[int, Line | Operation]:
    """Return the commands that are open, and the tasks that ended without a value, as after the last turn."""
    if live.instance is None:
        return dict(lines_of(draft.course()))
    operations = live.instance.operations
    return {**operations.ended, **operations.pending}


def matching(message: RetryTasks, run: str, found: Iterable[Line | Operation]) -> list[Line | Operation]:
    """Return the tasks that a retry means, by number."""
    statuses = message.statuses or (ENDED if message.task_ids else BY_DEFAULT)
    return sorted(
        (
            one
            for one in found
            if one.kind in RUNNING
            and one.status in statuses
            and one.status in ENDED
            and (not message.task_ids or task_id(run, one.number) in message.task_ids)
            and (not message.services or one.name.rpartition(".")[0] in message.services)
        ),
        key=lambda one: one.number,
    )


def exhume(draft: Draft, live: Live, tasks: Iterable[Line | Operation]) -> None:
    """Have the dead letters removed that these tasks are."""
    for one in tasks:
        if isinstance(one.outcome, Failed) and one.outcome.failure.type in BURIED:
            key = sequence_key(task_id(live.state.run, one.number), one.sequence)
            draft.exhumed.append(letter_id(key.encode(), one.outcome.failure.where.get("reason", "")))


def escaped(live: Live, course: Course, lines: Iterable[Line]) -> list[Line]:
    """Return those of a failed instance's tasks by which it failed.

    The failure names its task, through wrapping exceptions as well. One that does not (`raise … from None`) is taken
    to be of the tasks whose end was applied in the turn in which the method failed.
    """
    named = named_by(live.state.outcome)
    return [line for line in lines if name_of(live, line) in named or line.ended == course.end]


def named_by(outcome: Outcome | None) -> set[str]:
    """Return the tasks and children that a failure names, see `name_of`."""
    return set(_named(outcome.failure)) if isinstance(outcome, Failed) else set()


def _named(failure: Failure | None) -> Iterator[str]:
    while failure is not None:
        where = failure.where
        yield where.get("task_id", "")
        yield f"{where.get('workflow')}/{where.get('instance')}"  # a child that failed by its task names both
        failure = failure.cause


def name_of(live: Live, line: Line) -> str:
    """Return what a failure says of a task or a child."""
    if line.child is None:
        return task_id(live.state.run, line.number)
    return f"{line.name.rpartition('.')[0]}/{line.child.instance}"


def resume(draft: Draft, live: Live, digest: bytes, record: int, numbers: Iterable[int]) -> tuple[int, ...]:
    """Rewind an instance to what was before turn `record`, and return which tasks are sent again.

    Those are `numbers`, and what the void turns had cancelled. Tasks and timers that void turns had asked for are taken
    back.
    """
    course = draft.course()
    lines = lines_of(course)
    void = [turn for turn in course.turns if turn.number >= record]
    events = [*(event for turn in void for event in turn.events), *course.unrun]
    again = {number for number in numbers if lines[number].issued < record}
    for number in (number for turn in void for number in turn.withdrawn if number in lines):
        if lines[number].issued < record and not any(ends_one_of(event, (number,)) for event in events):
            again.add(number)
    void_lines = [line for line in lines.values() if line.issued >= record and line.status == "ongoing"]
    draft.removed.update(((live.state.run, line.number), None) for line in void_lines if line.kind in {TASK, TIMER})
    sending.call_off(draft, live.state.run, void_lines)
    draft.teller.rewinds(void_lines)
    rewound = Rewound(digest, record, tuple(sorted(again)), live.state.last_command)
    live.seen.add(digest, draft.at)
    if live.instance is not None:
        live.instance.close()
        live.instance = None
    draft.events.append(rewound)
    draft.rewound = True
    return rewound.numbers


def note_retries(draft: Draft, live: Live) -> None:
    """Note which retries the code is about to run for the first time."""
    fresh = [event for event in draft.events if isinstance(event, Rewound | TasksRetried)]
    draft.resent = live.unsent.union(*(event.numbers for event in fresh))
    draft.rewinds = any(isinstance(event, Rewound) for event in [*fresh, *live.unrun])


def send_again(draft: Draft, live: Live, instance: Instance) -> None:
    """Send the tasks that an operator has retried; after a rewind, set all timers: void turns may have removed some."""
    begun, pending = live.begun, instance.operations.pending
    assert begun is not None
    for number in sorted(draft.resent):
        if number in pending:
            draft.posts.append(sending.again(pending[number], instance, draft.queue, draft.at))
    for operation in pending.values():
        if operation.due and operation.left and (draft.rewinds or operation.number in draft.resent):
            draft.timers.append(Timer(draft.actor, begun.run, operation.number, operation.due))


def ended_without_code(draft: Draft, live: Live) -> Outcome | None:
    """Return the end of an instance that is cancelled by force, or after it failed: its method has ended already."""
    if live.begun is None:
        return None
    ended = live.state.status == state.FAILED and not draft.rewound
    for event in draft.events:
        if isinstance(event, CancelRequested) and event.number < 0 and not event.method and (event.force or ended):
            where = {"workflow": draft.kind, "instance": draft.actor, "method": live.begun.method}
            return Cancelled({**where, "reason": event.reason} if event.reason else where)
    return None
