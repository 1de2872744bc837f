"""Starting instances: tags first, then the start, which a unique tag carries inside its claim."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from typing import Any

from leveret.client.handle import Handle
from leveret.client.post import Post, letter
from leveret.client.requests import Expecting
from leveret.start_options import StartOptions, plan_of
from leveret_broker.address import MailboxQueue
from leveret_broker.codec import Payload
from leveret_broker.envelope import Answer, Caller, Envelope, Start, Started, TagClaim, TagJoin, encode
from leveret_broker.ids import new_id, run_of, tag_key


class Starter:
    """Starts instances of one workflow as its options say."""

    def __init__(self, post: Post, workflow: str, options: StartOptions, timeout: float = 0.0) -> None:
        """Check the options; raises `ConfigurationError`."""
        self._plan = plan_of(workflow, StartOptions, options, timeout)
        self._post = post
        self.workflow = workflow
        self._message_id = options.get("message_id")

    async def run(self, method: str, arguments: Payload, kind: Any) -> Any:
        """Start and wait for the result."""
        with ExitStack() as stack:
            handle, message_id = self._handle(kind)
            ended = stack.enter_context(self._post.requests.expect(f"{self.workflow}.{method} of {handle.id!r}"))
            started = stack.enter_context(self._expect_start(handle)) if self._must_ask else None
            envelope = self._envelope(handle, message_id, method, arguments, ended.caller, started)
            await self._publish(handle, envelope, ended, started)
            if started is not None:
                await asyncio.wait([started.future, ended.future], return_when=asyncio.FIRST_COMPLETED)
            if started is not None and started.future.done():
                answer = await started.answer(Started, None)
                handle.learn(answer)
                if not answer.new:  # the start may never have reached that instance: the tag kept it
                    return await handle.result()
            return handle.value_of((await ended.answer(Answer, None)).outcome)

    async def dispatch(self, method: str, arguments: Payload, kind: Any) -> Handle[Any]:
        """Start; return when the broker holds the start, or with `fail` when a node has accepted it."""
        handle, message_id = self._handle(kind)
        started = self._expect_start(handle) if self._must_ask else None
        try:
            envelope = self._envelope(handle, message_id, method, arguments, None, started)
            if started is None:
                await self._publish(handle, envelope, None, None)
                return handle
            handle.expect_start(started)
            await self._publish(handle, envelope, None, started)
            if "fail" in {self._plan.on_conflict, self._plan.on_closed}:
                await handle.started()
        except BaseException:
            if started is not None:
                started.__exit__()
            raise
        return handle

    @property
    def _must_ask(self) -> bool:
        return bool(self._plan.unique_tag) or "fail" in {self._plan.on_conflict, self._plan.on_closed}

    def _expect_start(self, handle: Handle[Any]) -> Expecting:
        return self._post.requests.expect(f"start of {handle}")

    def _handle(self, kind: Any) -> tuple[Handle[Any], str]:
        """Return the handle of a new instance, and the id of its start message."""
        message_id = self._message_id or new_id()
        instance = self._plan.id or (run_of(self.workflow, "", message_id) if self._message_id else new_id())
        run = run_of(self.workflow, instance, message_id) if not self._plan.id and not self._plan.unique_tag else ""
        return Handle(self._post, self.workflow, instance, run=run, kind=kind), message_id

    def _envelope(
        self,
        handle: Handle[Any],
        message_id: str,
        method: str,
        arguments: Payload,
        caller: Caller | None,
        started: Expecting | None,
    ) -> Envelope:
        start = Start(
            method=method,
            arguments=arguments,
            caller=caller,
            tags=self._plan.tags,
            unique_tag=self._plan.unique_tag,
            meta=dict(self._plan.meta),
            on_conflict=self._plan.on_conflict,
            on_closed=self._plan.on_closed,
            timeout=self._plan.timeout,
            version=self._plan.version,
            acknowledge=None if started is None else started.caller,
        )
        return letter(handle.id, start, message_id=message_id)

    async def _publish(
        self, handle: Handle[Any], envelope: Envelope, ended: Expecting | None, started: Expecting | None
    ) -> None:
        run = run_of(self.workflow, handle.id, envelope.id)
        joins = [
            self._post.publish(
                await self._post.queue_of_tag(self.workflow, tag),
                letter(tag_key(self.workflow, tag), TagJoin(handle.id, run)),
            )
            for tag in self._plan.tags
        ]
        await self._post.confirmed(*joins)  # before the start, so that nobody who saw it start misses the tag
        queue = await self._post.queue_of(self.workflow, handle.id)
        if self._plan.unique_tag:
            queue, envelope = await self._claim(handle, run, envelope, started)
        asking = [expecting for expecting in (ended, started) if expecting is not None]
        if asking:
            await self._post.confirmed(self._post.ask(asking[0], queue, envelope))
        else:
            await self._post.confirmed(self._post.publish(queue, envelope))

    async def _claim(
        self, handle: Handle[Any], run: str, envelope: Envelope, started: Expecting | None
    ) -> tuple[MailboxQueue, Envelope]:
        self._post.remember_claim(self.workflow, handle.id)
        caller = None if started is None else started.caller
        claim = TagClaim(handle.id, run, encode(envelope), caller, self._plan.on_conflict)
        key = tag_key(self.workflow, self._plan.unique_tag)
        return await self._post.queue_of_tag(self.workflow, self._plan.unique_tag), letter(key, claim)
