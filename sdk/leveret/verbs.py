"""What operators do with instances, as data: the same words in a client and in a workflow."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from leveret.errors import ArgumentMismatch
from leveret.service.defining import definition_of
from leveret_broker.envelope import Done

RETRIED: Final = ("failed", "timed_out", "cancelled")
"""How a task can have ended that is retried."""

Names: TypeAlias = str | type[Any] | Iterable[str | type[Any]]


@dataclass(frozen=True, slots=True)
class TaskChoice:
    """Which tasks are meant; what is empty chooses nothing away."""

    task_ids: tuple[str, ...] = ()
    statuses: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    """Names on the wire."""


def chosen_tasks(task_ids: Iterable[str], status: str | Iterable[str], service: Names) -> TaskChoice:
    """Return what the arguments of `retry_tasks` mean; raises `ArgumentMismatch` for a status that none has."""
    statuses = (status,) if isinstance(status, str) else tuple(status)
    wrong = sorted(set(statuses) - set(RETRIED))
    if wrong:
        text = f"retry_tasks(status={wrong[0]!r}): only tasks that are {', '.join(RETRIED)} can be retried"
        raise ArgumentMismatch(text)
    listed = (service,) if isinstance(service, str | type) else tuple(service)
    names = tuple(one if isinstance(one, str) else definition_of(one).name for one in listed)
    return TaskChoice(tuple(task_ids), statuses, names)


def done_by_tag(members: int) -> Done:
    """Return what a verb did that went to all instances with a tag."""
    return Done(members > 0, members, f"sent to {members} instance(s)")
