"""Handles: one instance, seen from outside."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from functools import partial
from typing import Any, Final, Generic, TypeVar

from leveret.calls import CancelCall, MethodCall, SignalCall, Target, VerbCall
from leveret.client.post import Post, letter
from leveret.client.requests import Deadline, Expecting
from leveret.client.verbs import PATIENCE, Verb, Verbs
from leveret.contract import Duration
from leveret.describing import revealed
from leveret.errors import ArgumentMismatch, RequestRefused, RequestTimedOut, WorkflowAlreadyStarted
from leveret.failure import readable, to_exception
from leveret_broker.address import MailboxQueue
from leveret_broker.codec import Payload
from leveret_broker.envelope import (
    Answer,
    AwaitResult,
    Call,
    Caller,
    Cancel,
    ClientCaller,
    Describe,
    Description,
    Done,
    Envelope,
    HistoryPage,
    Query,
    ReadHistory,
    Signal,
    Started,
)
from leveret_broker.errors import TransportError
from leveret_broker.ids import method_id, new_id
from leveret_broker.outcome import Completed, Outcome

R = TypeVar("R")

BEFORE_LOOKING: Final = 0.7
"""Part of the timeout of `describe` after which it looks why nobody answers."""


class Handle(Verbs, Generic[R]):
    """One instance: ask for its result, cancel it, look at it."""

    def __init__(
        self, post: Post, workflow: str, instance: str, *, run: str = "", kind: Any = Any, method: str = ""
    ) -> None:
        """Made by `Client.dispatch` and `Client.get`."""
        self._post = post
        self._kind = kind
        self._starting: Expecting | None = None
        self.workflow = workflow
        self.id = instance
        """After a start with a unique tag that was taken: the holder's, once `started` or `result` returned."""
        self.run = run
        """Empty while it is not known, or for whichever run is the last."""
        self.method = method
        """Id of the method that was called on the running instance; empty for the instance and its main method."""

    def __repr__(self) -> str:
        return f"<Handle of {self}{f', run {self.run}' if self.run else ''}>"

    def __str__(self) -> str:
        return f"{self.workflow} {self.id!r}{f' method {self.method}' if self.method else ''}"

    @property
    def target(self) -> Target:
        """Who is meant."""
        return Target(self.workflow, id=self.id)

    async def started(self, timeout: Duration | None = None) -> None:  # noqa: ASYNC109
        """Wait until a node has accepted the start, where that was asked for (unique tag, `fail`); else return at once.

        `timeout` is a timedelta or seconds, none by default. Raises `WorkflowAlreadyStarted`, `RequestTimedOut`.
        """
        await self._started(Deadline(timeout))

    async def _started(self, deadline: Deadline) -> None:
        if self._starting is not None:
            self.learn(await self._starting.answer(Started, deadline))

    def expect_start(self, starting: Expecting) -> None:
        """Remember that a node will say which instance this is."""
        self._starting = starting
        starting.future.add_done_callback(lambda _: starting.__exit__())

    def learn(self, started: Started) -> None:
        """Take over what a node said about the start; raises `WorkflowAlreadyStarted`."""
        self._starting = None
        if started.conflict:
            raise WorkflowAlreadyStarted(self.workflow, started.instance, started.run)
        self.id, self.run = started.instance, started.run

    async def result(self, timeout: Duration | None = None) -> R:  # noqa: ASYNC109
        """Wait for the result, from any process, also after the end for as long as it is kept.

        `timeout` is a timedelta or seconds, none by default.

        Raises:
            WorkflowFailed: a failure escaped the method; the instance is kept and may be resumed.
            WorkflowTimedOut, WorkflowCancelled: it ended so.
            WorkflowUnknown: there is no such instance (any more).
            RequestTimedOut: the timeout passed first; the instance goes on.
        """
        value: R = await self._post.around.result(self.target, self.method, partial(self.await_result, timeout))
        return value

    async def await_result(self, timeout: Duration | None = None) -> R:  # noqa: ASYNC109
        """Wait for the result, past the interceptors."""
        deadline = Deadline(timeout)
        await self._started(deadline)
        with self._post.requests.expect(f"result of {self}") as expecting:
            queue = await expecting.within(deadline, self._post.queue_of(self.workflow, self.id))
            question = AwaitResult(expecting.caller, self.method)
            self._post.ask(expecting, queue, letter(self.id, question, run=self.run))
            answer = await expecting.answer(Answer, deadline)
        return self.value_of(answer.outcome)

    def value_of(self, outcome: Outcome) -> R:
        """Return the value of an outcome, or raise what it says."""
        if isinstance(outcome, Completed):
            value: R = self._post.codec.load(outcome.value, self._kind)
            return value
        raise to_exception(readable(outcome, self._post.codec), "workflow")

    async def signal(self, channel: str, value: object, *, message_id: str | None = None) -> None:
        """Send a signal by the channel's name on the wire, unchecked; returns when the broker holds it."""
        await self.post_signal(channel, self._post.codec.dump(value), message_id)

    async def post_signal(self, channel: str, value: Payload, message_id: str | None) -> None:
        """Send an encoded signal."""
        call = SignalCall(self.target, channel, value, message_id or new_id())
        await self._post.around.signal(call, self._signal)

    async def _signal(self, call: SignalCall) -> None:
        queue = await self._post.queue_of(self.workflow, self.id)
        signal = Signal(call.channel, call.value, patient=self._post.may_overtake(self.workflow, self.id))
        await self._post.send(queue, self.id, signal, message_id=call.message_id)

    async def call(
        self, method: str, arguments: Mapping[str, Any] | None = None, *, message_id: str | None = None
    ) -> Any:
        """Run a method of the running instance, by its name on the wire, and wait for its result.

        It runs beside what runs already. A second call with the same `message_id` does not run again, it gets the same
        result. Raises as `result` does; `WorkflowUnknown` when there is no open instance.
        """
        return await self.run_call(method, self._post.codec.dump(dict(arguments or {})), Any, message_id)

    async def dispatch(
        self, method: str, arguments: Mapping[str, Any] | None = None, *, message_id: str | None = None
    ) -> Handle[Any]:
        """Run a method of the running instance, and return its handle when the broker holds the call."""
        return await self.post_call(method, self._post.codec.dump(dict(arguments or {})), Any, message_id)

    async def query(self, method: str, arguments: Mapping[str, Any] | None = None) -> Any:
        """Return what a read-only method says, by its name on the wire; the instance may have ended.

        Raises `WorkflowFailed` for a query that raised, or would have changed something.
        """
        return await self.run_query(method, self._post.codec.dump(dict(arguments or {})), Any)

    async def run_query(self, method: str, arguments: Payload, kind: Any) -> Any:
        """Ask a read-only method with encoded arguments, and return its result as a `kind`."""
        call = MethodCall(self.target, method, arguments, kind, query=True)
        return await self._post.around.query(call, self._query)

    async def _query(self, call: MethodCall) -> Any:
        with self._post.requests.expect(f"query {self.workflow}.{call.method} of {self.id!r}") as expecting:
            queue = await self._post.queue_of(self.workflow, self.id)
            question = Query(call.method, call.arguments, expecting.caller)
            await self._post.ask(expecting, queue, letter(self.id, question, run=self.run))
            outcome = (await expecting.answer(Answer)).outcome
        return self._of_method("", call.result).value_of(outcome)

    async def run_call(self, method: str, arguments: Payload, kind: Any, message_id: str | None = None) -> Any:
        """Call a method with encoded arguments, and wait for its result as a `kind`."""
        call = MethodCall(self.target, method, arguments, kind, message_id=message_id or new_id())
        return await self._post.around.call(call, self._run_call, waits=True)

    async def _run_call(self, call: MethodCall) -> Any:
        with self._post.requests.expect(f"{self.workflow}.{call.method} of {self.id!r}") as expecting:
            queue, envelope = await self._call(call, expecting.caller)
            self._post.ask(expecting, queue, envelope)
            outcome = (await expecting.answer(Answer)).outcome
        return self._of_method(envelope.id, call.result).value_of(outcome)

    async def post_call(self, method: str, arguments: Payload, kind: Any, message_id: str | None = None) -> Handle[Any]:
        """Call a method with encoded arguments, and return its handle."""
        call = MethodCall(self.target, method, arguments, kind, message_id=message_id or new_id())
        handle: Handle[Any] = await self._post.around.call(call, self._post_call, waits=False)
        return handle

    async def _post_call(self, call: MethodCall) -> Handle[Any]:
        queue, envelope = await self._call(call, None)
        await self._post.confirmed(self._post.publish(queue, envelope))
        return self._of_method(envelope.id, call.result)

    async def _call(self, call: MethodCall, caller: Caller | None) -> tuple[MailboxQueue, Envelope]:
        patient = self._post.may_overtake(self.workflow, self.id)
        message = Call(call.method, call.arguments, caller, patient=patient)
        queue = await self._post.queue_of(self.workflow, self.id)
        return queue, letter(self.id, message, message_id=call.message_id, run=self.run)

    def _of_method(self, message_id: str, kind: Any) -> Handle[Any]:
        return Handle(self._post, self.workflow, self.id, run=self.run, kind=kind, method=method_id(message_id))

    async def cancel(self, reason: str = "", *, force: bool = False) -> None:
        """Ask the instance (or the method) to cancel; returns when the broker holds the request.

        Cancelling an instance cancels all its methods. Nothing happens to what has ended. With `force` an instance ends
        without its code: nothing is compensated.
        """
        call = CancelCall(self.target, reason, force)
        await self._post.around.cancel(call, self._cancel, method_id=self.method)

    async def _cancel(self, call: CancelCall) -> None:
        queue = await self._post.queue_of(self.workflow, self.id)
        envelope = letter(self.id, Cancel(self.method, reason=call.reason, force=call.force), run=self.run)
        await self._post.confirmed(self._post.publish(queue, envelope))

    async def cancel_task(self, task_id: str, reason: str = "", timeout: Duration = PATIENCE) -> Done:  # noqa: ASYNC109
        """Cancel one task (or other command) by its id, `<run>.<number>`; the others go on. Returns what was done."""
        run, dot, number = task_id.rpartition(".")
        if not dot or not number.isdigit():
            raise ArgumentMismatch(f"{task_id!r} is not the id of a task: it is '<run>.<number>', see describe()")

        async def act(call: CancelCall) -> Done:
            return await self._ask(lambda who: Cancel(number=int(number), reason=call.reason, caller=who), timeout, run)

        done: Done = await self._post.around.cancel(CancelCall(self.target, reason), act, task_id=task_id)
        return done

    async def ask(self, verb: Callable[[ClientCaller | None], Verb], timeout: Duration) -> Done:  # noqa: ASYNC109
        """Send a verb and wait for what it did."""
        return await self._ask(verb, timeout, self.run)

    async def _ask(self, verb: Callable[[ClientCaller | None], Verb], timeout: Duration, run: str) -> Done:  # noqa: ASYNC109
        deadline = Deadline(timeout)
        with self._post.requests.expect(f"verb for {self}") as expecting:
            queue = await expecting.within(deadline, self._post.queue_of(self.workflow, self.id))
            self._post.ask(expecting, queue, letter(self.id, verb(expecting.caller), run=run))
            return await expecting.answer(Done, deadline)

    async def describe(self, timeout: Duration = PATIENCE) -> Description:  # noqa: ASYNC109
        """Return what the instance is and waits for; `found` is False when there is none.

        When no node answers within `timeout` (a timedelta or seconds) its `data` has the status `unreachable` and a
        reason: what the queue looks like.
        """

        async def act(_: VerbCall) -> Description:
            return await self._describe(timeout)

        description: Description = await self._post.around.verb(VerbCall(self.target, "describe"), act)
        return description

    async def _describe(self, timeout: Duration) -> Description:  # noqa: ASYNC109
        deadline = Deadline(timeout)
        looking = asyncio.create_task(self._silence(deadline))
        try:
            with self._post.requests.expect(f"describe {self}") as expecting:
                queue = await expecting.within(deadline, self._post.queue_of(self.workflow, self.id))
                self._post.ask(expecting, queue, letter(self.id, Describe(expecting.caller), run=self.run))
                return revealed(await expecting.answer(Description, deadline), self._post.codec)
        except RequestTimedOut as error:
            what, what_else = looking.result() if looking.done() else ("no answer of the broker", "")
            reason = f"{what} within {error.seconds:g} s{what_else}"
            return Description(found=False, data={"status": "unreachable", "reason": reason})
        finally:
            looking.cancel()

    async def _silence(self, deadline: Deadline) -> tuple[str, str]:
        """Look why no node may have answered, shortly before the deadline."""
        await asyncio.sleep((deadline.left() or 0.0) * BEFORE_LOOKING)
        try:
            queue = await self._post.queue_of(self.workflow, self.id)
            depth = await self._post.transport.inspect(queue)
        except TransportError:
            return "no answer of the broker", ""
        if depth is None:
            return "no node of this workflow", ": its queue does not exist"
        what = "no answer of a node" if depth.consumers else "no node of this workflow"
        return what, f": consumers {depth.consumers}, messages {depth.messages}"

    async def history(self, after: int = 0, timeout: Duration = PATIENCE) -> AsyncIterator[bytes]:  # noqa: ASYNC109
        """Iterate over the journal's encoded records behind the first `after`, asking for a page at a time.

        `timeout` (a timedelta or seconds) is for each page. Raises `RequestTimedOut`, `RequestRefused`, the latter with
        kind `folded` when records were folded between two pages: read again from the start.
        """
        more, folded = True, -1
        while more:
            page: HistoryPage = await self._post.around.page(
                self.target, "history", after, partial(self._page, after, timeout)
            )
            if folded not in {-1, page.folded}:
                text = f"the journal of {self} was folded while it was read: read it again from the start"
                raise RequestRefused("folded", text)
            folded = page.folded
            for record in page.records:
                yield record
            after += len(page.records)
            more = page.more and bool(page.records)

    async def _page(self, after: int, timeout: Duration) -> HistoryPage:  # noqa: ASYNC109
        deadline = Deadline(timeout)
        with self._post.requests.expect(f"history of {self}") as expecting:
            queue = await expecting.within(deadline, self._post.queue_of(self.workflow, self.id))
            question = ReadHistory(expecting.caller, after)
            self._post.ask(expecting, queue, letter(self.id, question, run=self.run))
            return await expecting.answer(HistoryPage, deadline)
