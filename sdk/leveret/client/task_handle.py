"""Handles of tasks that a client called itself, without a workflow."""

from __future__ import annotations

import time
from functools import partial
from typing import Any, Final, TypeVar

from leveret.calls import CancelCall, Target
from leveret.client.handle import Handle
from leveret.client.post import Post, letter
from leveret.client.requests import Deadline, Expecting
from leveret.contract import Duration
from leveret.errors import RequestTimedOut
from leveret.failure import readable, to_exception
from leveret_broker.address import CONTROL, ServiceQueue
from leveret_broker.envelope import Answer, AskTask, CancelTask, EndTask, Envelope, encode
from leveret_broker.errors import ConfigurationError
from leveret_broker.outcome import Cancelled, Completed, Outcome, TimedOut

R = TypeVar("R")

REVOKED_SECONDS: Final = 86_400.0
"""How long workers remember a cancellation that they heard."""


class TaskHandle(Handle[R]):
    """One call of a service, seen from outside; made by `Client.dispatch` and `Client.get_task`.

    `id` is the task's id, its idempotency key: what `service.context().task_id` is in the function. It has a `result`
    and can be cancelled; all else that handles do is for instances, and refused with `ConfigurationError`.
    """

    def __init__(
        self, post: Post, service: str, name: str, task_id: str, *, kind: Any = Any, timeout: float = 0.0
    ) -> None:
        """Made by the client; `timeout` is the contract timeout that began just now, in seconds, 0 where none did."""
        super().__init__(post, "", task_id, kind=kind)
        self._timeout = timeout
        self._end = Deadline(timeout or None)
        self._waiting: Expecting | None = None
        self.service = service
        self.name = name
        """Of the function, on the wire."""

    def __repr__(self) -> str:
        return f"<TaskHandle of {self}>"

    def __str__(self) -> str:
        return f"{self.service}.{self.name} {self.id!r}"

    @property
    def target(self) -> Target:
        """Refuse: it is not an instance."""
        raise ConfigurationError(f"{self} is a task, not an instance of a workflow: it has result() and cancel()")

    async def result(self, timeout: Duration | None = None) -> R:  # noqa: ASYNC109
        """Wait for the result, from any process, also after the end: it is kept for a day.

        `timeout` is a timedelta or seconds, none by default; it says how long to wait here, not how long the task may
        take. An id that nobody has used is not told from one whose task is still to come.

        Raises:
            TaskFailed: it is out of retries, or became a dead letter.
            TaskTimedOut: the timeout that its call had passed first.
            TaskCancelled: somebody cancelled it.
            RequestTimedOut: `timeout` passed first; the task goes on.
        """
        value: R = await self._post.around.result(self._itself, "", partial(self.await_result, timeout))
        return value

    async def await_result(self, timeout: Duration | None = None) -> R:  # noqa: ASYNC109
        """Wait for the result, past the interceptors."""
        deadline = Deadline(timeout)
        if self._waiting is None:
            with self._post.requests.expect(f"result of {self}") as expecting:
                self._post.ask(expecting, ServiceQueue(self.service), letter("", AskTask(self.id, expecting.caller)))
                return await self._value(expecting, deadline)
        return await self._value(self._waiting, deadline)

    async def cancel(self, reason: str = "", *, force: bool = False) -> None:  # noqa: ARG002
        """Cancel the task: one that runs is stopped, one that waits is not started; returns when the broker holds it.

        Nothing happens to one that has ended. `force` makes no difference: a task's end needs no code of its own.
        """
        await self._post.around.cancel(CancelCall(self._itself, reason), self._cancel, task_id=self.id)

    async def _cancel(self, call: CancelCall) -> None:
        where = self._where | ({"reason": call.reason} if call.reason else {})
        queued = self._post.publish(ServiceQueue(self.service), letter("", EndTask(self.id, Cancelled(where))))
        heard = CancelTask(
            self.id, time.time() + REVOKED_SECONDS, call.reason
        )  # before what is queued behind other tasks
        told = self._post.transport.publish(CONTROL, encode(Envelope(self.id, "", heard)))
        await self._post.confirmed(queued, told)

    async def wait(self, expecting: Expecting) -> R:
        """Wait for the answer to the call itself."""
        return await self._value(expecting, Deadline(None))

    def expect_end(self, expecting: Expecting) -> None:
        """Remember that the answer to the call itself comes."""
        self._waiting = expecting
        expecting.future.add_done_callback(lambda _: expecting.__exit__())

    async def _value(self, expecting: Expecting, deadline: Deadline) -> R:
        """Wait until the deadline, or until the task's own is over: there may be no worker that would say so."""
        own, left = self._end.left(), deadline.left()
        first = self._end if own is not None and (left is None or own <= left) else deadline
        try:
            answer = await expecting.answer(Answer, first)
        except RequestTimedOut:
            if first is deadline:
                raise
            return self.value_of(TimedOut(self._timeout, self._where))
        return self.value_of(answer.outcome)

    def value_of(self, outcome: Outcome) -> R:
        """Return the value of an outcome, or raise what it says."""
        if isinstance(outcome, Completed):
            value: R = self._post.codec.load(outcome.value, self._kind)
            return value
        raise to_exception(readable(outcome, self._post.codec), "task")

    @property
    def _itself(self) -> Target:
        return Target("", id=self.id, task=f"{self.service}.{self.name}")

    @property
    def _where(self) -> dict[str, str]:
        return {"service": self.service, "task": self.name, "task_id": self.id}
