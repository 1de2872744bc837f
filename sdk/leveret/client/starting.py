"""Starting instances: tags first, then the start, which a unique tag carries inside its claim."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from contextlib import ExitStack
from typing import Any, Literal, TypedDict

from leveret.client.handle import Handle
from leveret.client.post import Post, letter
from leveret.client.requests import Expecting
from leveret.contract import Duration, seconds
from leveret_broker.address import MailboxQueue
from leveret_broker.codec import Payload
from leveret_broker.envelope import Answer, Caller, Envelope, Start, Started, TagClaim, TagJoin, encode
from leveret_broker.errors import ConfigurationError
from leveret_broker.ids import check_id, new_id, run_of, tag_key


class StartOptions(TypedDict, total=False):
    """What `Client.new` takes."""

    id: str | None
    """The instance's id; a fresh one for each start when left out."""
    tags: Collection[str]
    """Business ids that the instance carries from the start."""
    unique_tag: str | None
    """A business id that one open instance may have; a start that finds a holder gives the holder."""
    meta: Mapping[str, str] | None
    on_conflict: Literal["existing", "fail"]
    """While a run of that id is open: take that (default), or raise `WorkflowAlreadyStarted`."""
    on_closed: Literal["existing", "new", "fail"]
    """After the last run has closed: take that (default), begin a new run, or raise `WorkflowAlreadyStarted`."""
    timeout: Duration | None
    """Of the whole workflow, a timedelta or seconds; default: the definition's."""
    version: int
    """Wanted version; 0 is the highest that the owner has."""
    message_id: str | None
    """Idempotency key of the start: the same one starts one run."""


class Starter:
    """Starts instances of one workflow as its options say."""

    def __init__(self, post: Post, workflow: str, options: StartOptions, timeout: float = 0.0) -> None:
        """Check the options; raises `ConfigurationError`."""
        unknown = sorted(set(options) - set(StartOptions.__annotations__))
        if unknown:
            raise ConfigurationError(f"new() does not take {', '.join(unknown)}")
        self._post = post
        self.workflow = workflow
        self._id = options.get("id")
        if self._id is not None:
            check_id("the instance's id", self._id)
        tags = options.get("tags", ())
        if isinstance(tags, str):
            raise ConfigurationError(f"tags must be a set of texts, not the text {tags!r}")
        self._tags = tuple(sorted({check_id("the tag", tag) for tag in tags}))
        self._unique_tag = check_id("the unique tag", tag) if (tag := options.get("unique_tag")) else ""
        self._meta = dict(options.get("meta") or {})
        self._on_conflict = _one_of("on_conflict", options.get("on_conflict", "existing"), "existing", "fail")
        self._on_closed = _one_of("on_closed", options.get("on_closed", "existing"), "existing", "new", "fail")
        self._timeout = seconds("the workflow's timeout", options.get("timeout")) or timeout
        self._version = options.get("version", 0)
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
            if "fail" in {self._on_conflict, self._on_closed}:
                await handle.started()
        except BaseException:
            if started is not None:
                started.__exit__()
            raise
        return handle

    @property
    def _must_ask(self) -> bool:
        return bool(self._unique_tag) or "fail" in {self._on_conflict, self._on_closed}

    def _expect_start(self, handle: Handle[Any]) -> Expecting:
        return self._post.requests.expect(f"start of {handle}")

    def _handle(self, kind: Any) -> tuple[Handle[Any], str]:
        """Return the handle of a new instance, and the id of its start message."""
        message_id = self._message_id or new_id()
        instance = self._id or (run_of(self.workflow, "", message_id) if self._message_id else new_id())
        run = run_of(self.workflow, instance, message_id) if self._id is None and not self._unique_tag else ""
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
            tags=self._tags,
            unique_tag=self._unique_tag,
            meta=self._meta,
            on_conflict=self._on_conflict,
            on_closed=self._on_closed,
            timeout=self._timeout,
            version=self._version,
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
            for tag in self._tags
        ]
        await self._post.confirmed(*joins)  # before the start, so that nobody who saw it start misses the tag
        queue = await self._post.queue_of(self.workflow, handle.id)
        if self._unique_tag:
            queue, envelope = await self._claim(handle, run, envelope, started)
        asking = [expecting for expecting in (ended, started) if expecting is not None]
        if asking:
            await self._post.ask(asking[0], queue, envelope)
        else:
            await self._post.confirmed(self._post.publish(queue, envelope))

    async def _claim(
        self, handle: Handle[Any], run: str, envelope: Envelope, started: Expecting | None
    ) -> tuple[MailboxQueue, Envelope]:
        self._post.remember_claim(self.workflow, handle.id)
        caller = None if started is None else started.caller
        claim = TagClaim(handle.id, run, encode(envelope), caller, self._on_conflict)
        key = tag_key(self.workflow, self._unique_tag)
        return await self._post.queue_of_tag(self.workflow, self._unique_tag), letter(key, claim)


def _one_of(name: str, value: str, *known: str) -> str:
    if value not in known:
        raise ConfigurationError(f"{name} must be one of {', '.join(known)}, not {value!r}")
    return value
