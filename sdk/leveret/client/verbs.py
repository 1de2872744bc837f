"""What operators do with instances: the same for one and for all with a tag."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from functools import partial
from typing import Final, TypeAlias

from leveret.calls import Target, VerbCall
from leveret.client.post import Post
from leveret.contract import Duration
from leveret.verbs import Names, chosen_tasks
from leveret_broker.envelope import Cancel, ClientCaller, CompleteTimers, Done, RetryTasks, RetryWorkflow

PATIENCE: Final = 5.0
"""Seconds that `describe`, `history`, `members` and the verbs wait for a node."""

Verb: TypeAlias = Cancel | RetryTasks | RetryWorkflow | CompleteTimers


class Verbs(ABC):
    """The verbs wait until they are carried out, and return what they did.

    `timeout` is a timedelta or seconds. Raises `RequestTimedOut` when no node answers until then: the request stands in
    the mailbox all the same, and is carried out when a node comes.
    """

    _post: Post

    @property
    @abstractmethod
    def target(self) -> Target:
        """Who is meant."""

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
        return await self._operate(
            VerbCall(self.target, "retry_tasks", chosen_tasks(task_ids, status, service)), timeout
        )

    async def retry_workflow_task(self, timeout: Duration = PATIENCE) -> Done:  # noqa: ASYNC109
        """Run the turn again in which the instance failed by its own code, or what blocks it; mend the code first."""
        return await self._operate(VerbCall(self.target, "retry_workflow_task"), timeout)

    async def complete_timers(self, method: str = "", timeout: Duration = PATIENCE) -> Done:  # noqa: ASYNC109
        """Fire the pending timers now, those of `asyncio` too, one after another; timeouts of tasks are none.

        `method` is a method id: only that method's timers.
        """
        return await self._operate(VerbCall(self.target, "complete_timers", method=method), timeout)

    async def _operate(self, call: VerbCall, timeout: Duration) -> Done:  # noqa: ASYNC109
        async def act(call: VerbCall) -> Done:
            return await self.ask(partial(_message, call), timeout)

        done: Done = await self._post.around.verb(call, act)
        return done


def _message(call: VerbCall, who: ClientCaller | None) -> Verb:
    match call.verb:
        case "retry_tasks":
            return RetryTasks(call.tasks.task_ids, call.tasks.statuses, call.tasks.services, who)
        case "complete_timers":
            return CompleteTimers(call.method, who)
        case _:
            return RetryWorkflow(who)
