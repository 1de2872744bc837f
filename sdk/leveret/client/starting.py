"""Starting instances: tags first, then the start, which a unique tag carries inside its claim."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from typing import Any

from leveret.client.handle import Handle
from leveret.client.post import Post, letter
from leveret.client.requests import Expecting
from leveret.interceptors.client import StartCall
from leveret.start_options import StartOptions, StartPlan, plan_of
from leveret_broker.address import MailboxQueue
from leveret_broker.codec import Payload
from leveret_broker.envelope import Answer, Envelope, Start, Started, TagClaim, TagJoin, encode
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

        async def act(call: StartCall) -> Any:
            return await self._run(call, kind)

        return await self._post.around.start(self._call(method, arguments), act, waits=True)

    async def dispatch(self, method: str, arguments: Payload, kind: Any) -> Handle[Any]:
        """Start; return when the broker holds the start, or with `fail` when a node has accepted it."""

        async def act(call: StartCall) -> Handle[Any]:
            return await self._dispatch(call, kind)

        handle: Handle[Any] = await self._post.around.start(self._call(method, arguments), act, waits=False)
        return handle

    def _call(self, method: str, arguments: Payload) -> StartCall:
        return StartCall(self._plan, method, arguments, self._message_id or new_id())

    async def _run(self, call: StartCall, kind: Any) -> Any:
        with ExitStack() as stack:
            handle = self._handle(call, kind)
            ended = stack.enter_context(self._post.requests.expect(f"{self.workflow}.{call.method} of {handle.id!r}"))
            started = stack.enter_context(self._expect_start(handle)) if _must_ask(call.plan) else None
            await self._publish(call, handle, ended, started)
            if started is not None:
                await asyncio.wait([started.future, ended.future], return_when=asyncio.FIRST_COMPLETED)
            if started is not None and started.future.done():
                answer = await started.answer(Started)
                handle.learn(answer)
                if not answer.new:  # the start may never have reached that instance: the tag kept it
                    return await handle.await_result()
            return handle.value_of((await ended.answer(Answer)).outcome)

    async def _dispatch(self, call: StartCall, kind: Any) -> Handle[Any]:
        handle = self._handle(call, kind)
        started = self._expect_start(handle) if _must_ask(call.plan) else None
        try:
            if started is None:
                await self._publish(call, handle, None, None)
                return handle
            handle.expect_start(started)
            await self._publish(call, handle, None, started)
            if "fail" in {call.plan.on_conflict, call.plan.on_closed}:
                await handle.started()
        except BaseException:
            if started is not None:
                started.__exit__()
            raise
        return handle

    def _expect_start(self, handle: Handle[Any]) -> Expecting:
        return self._post.requests.expect(f"start of {handle}")

    def _handle(self, call: StartCall, kind: Any) -> Handle[Any]:
        """Return the handle of a new instance; its id, if it has none, is derived from the message's."""
        plan = call.plan
        instance = plan.id or run_of(self.workflow, "", call.message_id)
        run = run_of(self.workflow, instance, call.message_id) if not plan.id and not plan.unique_tag else ""
        return Handle(self._post, self.workflow, instance, run=run, kind=kind)

    async def _publish(
        self, call: StartCall, handle: Handle[Any], ended: Expecting | None, started: Expecting | None
    ) -> None:
        envelope = _envelope(call, handle, ended, started)
        run = run_of(self.workflow, handle.id, envelope.id)
        joins = [
            self._post.publish(
                await self._post.queue_of_tag(self.workflow, tag),
                letter(tag_key(self.workflow, tag), TagJoin(handle.id, run)),
            )
            for tag in call.plan.tags
        ]
        await self._post.confirmed(*joins)  # before the start, so that nobody who saw it start misses the tag
        queue = await self._post.queue_of(self.workflow, handle.id)
        if call.plan.unique_tag:
            queue, envelope = await self._claim(call.plan, handle, run, envelope, started)
        asking = [expecting for expecting in (ended, started) if expecting is not None]
        if asking:
            await self._post.confirmed(self._post.ask(asking[0], queue, envelope))
        else:
            await self._post.confirmed(self._post.publish(queue, envelope))

    async def _claim(
        self, plan: StartPlan, handle: Handle[Any], run: str, envelope: Envelope, started: Expecting | None
    ) -> tuple[MailboxQueue, Envelope]:
        self._post.remember_claim(self.workflow, handle.id)
        caller = None if started is None else started.caller
        claim = TagClaim(handle.id, run, encode(envelope), caller, plan.on_conflict)
        key = tag_key(self.workflow, plan.unique_tag)
        return await self._post.queue_of_tag(self.workflow, plan.unique_tag), letter(key, claim)


def _must_ask(plan: StartPlan) -> bool:
    return bool(plan.unique_tag) or "fail" in {plan.on_conflict, plan.on_closed}


def _envelope(call: StartCall, handle: Handle[Any], ended: Expecting | None, started: Expecting | None) -> Envelope:
    plan = call.plan
    start = Start(
        method=call.method,
        arguments=call.arguments,
        caller=None if ended is None else ended.caller,
        tags=plan.tags,
        unique_tag=plan.unique_tag,
        meta=dict(plan.meta),
        on_conflict=plan.on_conflict,
        on_closed=plan.on_closed,
        timeout=plan.timeout,
        version=plan.version,
        acknowledge=None if started is None else started.caller,
    )
    return letter(handle.id, start, message_id=call.message_id)
