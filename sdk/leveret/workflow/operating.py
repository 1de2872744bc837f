"""What operators do, done by a workflow: a supervisor that retries, resumes and looks at other instances.

Each is a command, sent when it is first awaited, whose answer is journalled. There is no timeout: the answer comes when
a node has carried it out; to wait no longer than that, wait under `asyncio.timeout`. By id they raise `WorkflowUnknown`
where there is no such instance, and `RequestRefused` where a node cannot serve the request.
"""

from __future__ import annotations

from collections.abc import Coroutine, Iterable
from typing import Any

from leveret.calls import VerbCall
from leveret.errors import ArgumentMismatch
from leveret.runtime import current
from leveret.verbs import Names, TaskChoice, chosen_tasks
from leveret.workflow.instance_stub import target_of
from leveret.workflow.stub import awaitable
from leveret_broker.envelope import Description, Done


def retry_tasks(
    target: object, *task_ids: str, status: str | Iterable[str] = (), service: Names = ()
) -> Coroutine[Any, Any, Done]:
    """Send tasks of other instances that ended without a value again: `await workflow.retry_tasks(stub)`.

    Takes what `get` and `all` return; the choice of tasks, and what becomes of an instance that failed by one of them,
    are those of `Client.retry_tasks`. The answer's `count` is how many tasks, by tag how many instances it was sent to.
    Raises `ArgumentMismatch` for a status that cannot be retried.
    """
    return _ask(VerbCall(target_of(target), "retry_tasks", chosen_tasks(task_ids, status, service)))


def retry_workflow_task(target: object) -> Coroutine[Any, Any, Done]:
    """Have what failed by its own code, or is blocked, run again; mend the code first. See `Client`."""
    return _ask(VerbCall(target_of(target), "retry_workflow_task"))


def complete_timers(target: object, method: str = "") -> Coroutine[Any, Any, Done]:
    """Fire the pending timers of other instances now; `method` is a method id: only that method's. See `Client`."""
    return _ask(VerbCall(target_of(target), "complete_timers", TaskChoice(), method))


def describe(target: object) -> Coroutine[Any, Any, Description]:
    """Return what another instance is and waits for, as `Client.describe` does; its `data` is what is journalled.

    Raises `ArgumentMismatch` for what `all` returned: this works for one instance only.
    """
    found = target_of(target)
    if found.tag:
        raise ArgumentMismatch(f"describe({found}): this works for one instance only, use workflow.get(..., id=...)")
    return _ask(VerbCall(found, "describe"))


def _ask(call: VerbCall) -> Coroutine[Any, Any, Any]:
    return awaitable(lambda: current().ask_verb(call), f"{call.verb} of {call.target}")
