"""All tasks of a service that carry a tag."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from typing import Any

from leveret.client import delegates
from leveret.client.post import Post, letter
from leveret.client.requests import Deadline
from leveret.client.verbs import PATIENCE
from leveret.contract import Duration
from leveret.errors import ArgumentMismatch
from leveret.verbs import RETRIED
from leveret_broker.envelope import Cancel, Done, Fanned, MembersPage, RetryTasks, SettleTask, TagFan, TagMembers
from leveret_broker.ids import check_id, task_tag_key


class TaskGroup:
    """All tasks of a service that carry a tag, of whatever workflow: open ones, and such that can be retried.

    A verb reaches each task that was issued before it once. It returns when it was sent to all of them: the count says
    how many. Raises `RequestTimedOut` when no node answers until then; the request stands in the mailbox all the same.
    """

    def __init__(self, post: Post, service: str | type[Any], tag: str) -> None:
        """Made by `Client.tasks`."""
        self._post = post
        self.service = delegates.service_of(service)
        self.tag = check_id("the tag", tag)

    def __str__(self) -> str:
        return f"tasks of {self.service} with tag {self.tag!r}"

    async def cancel(self, reason: str = "", timeout: Duration = PATIENCE) -> Done:  # noqa: ASYNC109
        """Cancel those that are open; whoever awaits one gets `TaskCancelled`."""
        return await self._fan(Cancel(number=0, reason=reason), timeout)

    async def retry(self, status: str | Iterable[str] = (), timeout: Duration = PATIENCE) -> Done:  # noqa: ASYNC109
        """Send those that ended without a value again; see `Verbs.retry_tasks`. By default all of them."""
        statuses = (status,) if isinstance(status, str) else tuple(status)
        wrong = sorted(set(statuses) - set(RETRIED))
        if wrong:
            text = f"retry(status={wrong[0]!r}): only tasks that are {', '.join(RETRIED)} can be retried"
            raise ArgumentMismatch(text)
        return await self._fan(RetryTasks(statuses=statuses), timeout)

    async def complete(self, result: object = None, timeout: Duration = PATIENCE) -> Done:  # noqa: ASYNC109
        """End the delegated ones with this result; see `Client.complete_task`."""
        return await self._fan(SettleTask("", delegates.completed(self._post, result)), timeout)

    async def fail(
        self,
        error: BaseException | str,
        *,
        retry: bool = False,
        timeout: Duration = PATIENCE,  # noqa: ASYNC109
    ) -> Done:
        """End the delegated ones with a failure; see `Client.fail_task`."""
        return await self._fan(SettleTask("", delegates.failed(self._post, error), retry), timeout)

    async def members(self, timeout: Duration = PATIENCE) -> AsyncIterator[str]:  # noqa: ASYNC109
        """Iterate over their ids in the order in which they were issued, asking for a page at a time."""
        after, more = 0, True
        while more:
            deadline = Deadline(timeout)
            with self._post.requests.expect(f"members: {self}") as expecting:
                queue = await expecting.within(deadline, self._post.queue_of_task_tag(self.service, self.tag))
                question = TagMembers(expecting.caller, after)
                self._post.ask(expecting, queue, letter(task_tag_key(self.service, self.tag), question))
                page = await expecting.answer(MembersPage, deadline)
            for number, task, _ in page.members:
                yield task
                after = number
            more = page.more and bool(page.members)

    async def _fan(self, message: Cancel | RetryTasks | SettleTask, timeout: Duration) -> Done:  # noqa: ASYNC109
        deadline = Deadline(timeout)
        with self._post.requests.expect(f"verb for {self}") as expecting:
            queue = await expecting.within(deadline, self._post.queue_of_task_tag(self.service, self.tag))
            fan = TagFan(message, expecting.caller)
            self._post.ask(expecting, queue, letter(task_tag_key(self.service, self.tag), fan))
            fanned = await expecting.answer(Fanned, deadline)
        return Done(fanned.members > 0, fanned.members, f"sent to {fanned.members} task(s)")
