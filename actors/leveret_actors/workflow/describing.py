"""What an operator sees of an instance beside its head: commands, properties, its failure, and what helps."""

from __future__ import annotations

import sys
from typing import Final

from leveret.errors import ArgumentMismatch
from leveret.failure import as_readable
from leveret_actors.workflow import state, verbs
from leveret_actors.workflow.children import instance_of
from leveret_actors.workflow.course import Line, lines_of
from leveret_actors.workflow.draft import Draft
from leveret_actors.workflow.live import Live
from leveret_actors.workflow.operations import ANSWERED, RUNNING, TIMER, Operation
from leveret_broker.codec import Codec
from leveret_broker.errors import PayloadError
from leveret_broker.ids import task_id
from leveret_broker.outcome import Failed, Failure, Outcome

PROPERTY_LIMIT: Final = 4096
"""Bytes of one property; a larger one is named only."""
TRACEBACK_LIMIT: Final = 4000
"""Characters of each traceback of a failure: its end."""
_plain: Final = Codec(limit=sys.maxsize)


def pending(draft: Draft, live: Live) -> list[dict[str, object]]:
    """Return the open commands; of an instance without code, those that the journal tells of."""
    if live.state.is_closed:
        return []
    found = list(verbs.commands(draft, live).values())
    if live.instance is None:
        found = [one for one in found if one.kind in ANSWERED | {TIMER}]
    return [_command(live, one) for one in found if one.status == "ongoing"]


def retryable(draft: Draft, live: Live) -> list[dict[str, object]]:
    """Return the tasks that ended without a value."""
    if live.state.is_closed:
        return []
    found = verbs.commands(draft, live).values()
    tasks = [one for one in found if one.kind in RUNNING and one.status in verbs.ENDED]
    return [{**_command(live, one), "failure": briefly(draft, one.outcome)} for one in tasks]


def _command(live: Live, one: Operation | Line) -> dict[str, object]:
    told: dict[str, object] = {
        "number": one.number,
        "kind": one.kind,
        "name": one.name,
        "status": one.status,
        "since": one.since,
    }
    if one.kind in RUNNING:
        told |= {"task_id": task_id(live.state.run, one.number), "sequence": one.sequence}
    if isinstance(one, Operation):
        return {**told, "due": one.due, "instance": instance_of(one), "method": one.method}
    return {**told, "due": 0.0, "instance": "" if one.child is None else one.child.instance}


def properties(draft: Draft, live: Live) -> object:
    """Return the public attributes of the workflow object that can be encoded, as plain data."""
    if live.instance is None:
        return {}
    found = dict[str, object]()
    attributes: dict[str, object] = getattr(live.instance.subject, "__dict__", {})  # a class may have slots
    for name, value in list(attributes.items()):
        if name.startswith("_"):
            continue
        try:
            data = _plain.dump(value)
            small = len(data) <= PROPERTY_LIMIT
            found[name] = _plain.load(data) if small else f"({len(data)} bytes)"
        except Exception:  # noqa: S112 - what cannot be encoded, whatever its hooks raise, is left out
            continue
    return _concealed(draft, found) if found else found


def reason(draft: Draft, live: Live) -> object:
    """Return why an instance is in its state; the store has only what no payload codec wraps."""
    head = live.state
    if head.status == state.FAILED and draft.house.codec.wraps:
        return briefly(draft, head.outcome)
    return head.reason or draft.stuck


def failure(draft: Draft, live: Live) -> object:
    """Return the failure by which the instance failed, and its causes."""
    if not isinstance(live.state.outcome, Failed):
        return []
    chain: list[dict[str, object]] = []
    cause: Failure | None = as_readable(live.state.outcome.failure, draft.house.codec)
    while cause is not None:
        trace = cause.traceback[-TRACEBACK_LIMIT:]
        chain.append({"type": cause.type, "message": cause.message, "where": dict(cause.where), "traceback": trace})
        cause = cause.cause
    return _concealed(draft, chain)


def hint(draft: Draft, live: Live) -> str:
    """Return which verb helps, and what to do before."""
    head = live.state
    if head.status == state.FAILED:
        course = draft.course()
        tasks = [line for line in lines_of(course).values() if line.kind in RUNNING and line.status in verbs.ENDED]
        causes = verbs.escaped(live, course, tasks)
        if causes:
            ids = ", ".join(task_id(head.run, line.number) for line in causes)
            whose = causes[0].name.rpartition(".")[0]
            if causes[0].child is not None:
                return f"retry the child {whose} {causes[0].child.instance!r}, then retry_tasks ({ids})"
            return f"mend service {whose}, then retry_tasks ({ids})"
        if _refuses_arguments(live):
            return "start it under another id, with arguments that fit; cancel with force ends this one"
        return "mend the workflow's code and deploy it, then retry_workflow_task"
    if head.status == state.BLOCKED and head.given_up:
        return "find out what brought the nodes down, then retry_workflow_task; cancel with force ends it"
    if head.status == state.BLOCKED:
        return "run a node whose code fits the journal, then retry_workflow_task; cancel with force ends it"
    return ""


def briefly(draft: Draft, outcome: Outcome | None) -> object:
    """Return a failure in a line."""
    if not isinstance(outcome, Failed):
        return ""
    found = as_readable(outcome.failure, draft.house.codec)
    return _concealed(draft, f"{found.type}: {found.message}")


def _concealed(draft: Draft, value: object) -> object:
    """Return the user's data as it crosses the broker: wrapped, where a payload codec does that."""
    codec = draft.house.codec
    if not codec.wraps:
        return value
    try:
        return codec.dump(value)
    except PayloadError as error:
        return f"(cannot be told: {error})"


def _refuses_arguments(live: Live) -> bool:
    """Tell whether the method never began, because its arguments do not fit."""
    head = live.state
    if not isinstance(head.outcome, Failed) or head.last_command:
        return False
    failure = head.outcome.failure
    of_start = failure.message.startswith(f"{head.workflow}.{head.method}(): ")
    return of_start and failure.type.rpartition(".")[2] == ArgumentMismatch.__name__
