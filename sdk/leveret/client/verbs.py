"""What operators do with instances: the same for one and for all with a tag."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, Final, TypeAlias

from leveret.contract import Duration
from leveret.errors import ArgumentMismatch
from leveret.service.defining import definition_of
from leveret_broker.envelope import Cancel, ClientCaller, CompleteTimers, Done, RetryTasks, RetryWorkflow

PATIENCE: Final = 5.0
"""Seconds that `describe`, `history`, `members` and the verbs wait for a node."""
RETRIED: Final = ("failed", "timed_out", "cancelled")
"""How a task can have ended that is retried."""

Verb: TypeAlias = Cancel | RetryTasks | RetryWorkflow | CompleteTimers
Names: TypeAlias = str | type[Any] | Iterable[str | type[Any]]


class Verbs(ABC):
    """The verbs wait until they are carried out, and return what they did.

    `timeout` is a timedelta or seconds. Raises `RequestTimedOut` when no node answers until then: the request stands in
    the mailbox all the same, and is carried out when a node comes.
    """

    @abstractmethod
    async def ask(self, verb: Callable[[ClientCaller | None], Verb], timeout: Duration) -> Done:  # noqa: ASYNC109
        """Send a verb, made with who wants to know, and wait for what it did."""

    async def retry_tasks(
        self,
        *task_ids: str,
        status: str | Iterable[str] = (),
        service: Names = (),
        timeout: Duration = PATIENCE,  # noqa: ASYNC109
    ) -> Done:
        """Send tasks that ended without a value again, under their ids.

        An instance that failed by one of them resumes before that failure: commands issued after it are void. Where the
        code had handled the failure, later awaits of its deferred wait for the retry; nothing is rewound.

        Arguments:
            task_ids: only these.
            status: only tasks that are `failed`, `timed_out` or `cancelled`; default: the first two, with ids all.
            service: only those of these services: names or contracts.
            timeout: see the class.
        """
        statuses = (status,) if isinstance(status, str) else tuple(status)
        wrong = sorted(set(statuses) - set(RETRIED))
        if wrong:
            text = f"retry_tasks(status={wrong[0]!r}): only tasks that are {', '.join(RETRIED)} can be retried"
            raise ArgumentMismatch(text)
        return await self.ask(partial(_retry, task_ids, statuses, _names(service)), timeout)

    async def retry_workflow_task(self, timeout: Duration = PATIENCE) -> Done:  # noqa: ASYNC109
        """Run the turn again in which the instance failed by its own code, or what blocks it; mend the code first."""
        return await self.ask(RetryWorkflow, timeout)

    async def complete_timers(self, method: str = "", timeout: Duration = PATIENCE) -> Done:  # noqa: ASYNC109
        """Fire the pending timers now, those of `asyncio` too, one after another; timeouts of tasks are none.

        `method` is a method id: only that method's timers.
        """
        return await self.ask(partial(_complete, method), timeout)


def _retry(ids: tuple[str, ...], statuses: tuple[str, ...], names: tuple[str, ...], who: ClientCaller | None) -> Verb:
    return RetryTasks(ids, statuses, names, who)


def _complete(method: str, who: ClientCaller | None) -> Verb:
    return CompleteTimers(method, who)


def _names(services: Names) -> tuple[str, ...]:
    listed = (services,) if isinstance(services, str | type) else tuple(services)
    return tuple(one if isinstance(one, str) else definition_of(one).name for one in listed)
