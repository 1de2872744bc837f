"""Requests that wait for an answer: one map, each with a deadline or explicitly none."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, Self, TypeVar

from loguru import logger

from leveret.contract import Duration, seconds
from leveret.errors import RequestRefused, RequestTimedOut
from leveret_broker.envelope import ClientCaller, Refused, decode
from leveret_broker.errors import DecodeError, TransportClosed, TransportError
from leveret_broker.ids import new_id
from leveret_broker.transport import Subscription, Transport

A = TypeVar("A")


class Deadline:
    """When somebody waits no longer; each step on the way to an answer counts."""

    def __init__(self, timeout: Duration | None) -> None:
        """Wait for a timedelta or seconds, or (None) for ever."""
        self.seconds = None if timeout is None else seconds("the timeout", timeout)
        self._end = None if self.seconds is None else asyncio.get_running_loop().time() + self.seconds

    def left(self) -> float | None:
        """Return the seconds that are left, None for ever."""
        return None if self._end is None else max(0.0, self._end - asyncio.get_running_loop().time())

    async def within(self, step: Awaitable[A], what: str) -> A:
        """Return what a step gives; raises `RequestTimedOut` for `what`."""
        scope = asyncio.timeout_at(self._end)
        try:
            async with scope:
                return await step
        except TimeoutError:
            if scope.expired():
                raise RequestTimedOut(what, self.seconds or 0.0) from None
            raise


FOR_EVER: Final = Deadline(None)


@dataclass(slots=True)
class Request:
    """Something asked; `future` gets the answering message, or a JSON reply."""

    caller: ClientCaller
    what: str
    future: asyncio.Future[Any]
    again: Callable[[], object] | None = None
    """Publishes it once more, under the same ids."""

    def fail(self, error: BaseException) -> None:
        """Tell whoever waits that there will be no answer."""
        if not self.future.done():
            self.future.set_exception(error)
            self.future.exception()  # looked at: one that nobody awaits is no news


class Requests:
    """What a client has asked and is waiting for."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._client = ""
        self._pending: dict[str, Request] = {}
        self._subscription: Subscription | None = None
        self._watch: asyncio.Task[None] | None = None
        self._refused: TransportError | None = None

    async def open(self) -> None:
        """Listen for answers, in a queue that this process and this connection alone have."""
        self._client = new_id()
        subscription = await self._transport.subscribe_replies(self._client, self._on_body, self._on_restored)
        self._subscription, self._refused = subscription, None
        self._watch = asyncio.create_task(self._watch_over(subscription), name="leveret replies")

    async def close(self) -> None:
        """Stop listening; whoever waits gets `TransportClosed`."""
        for request in list(self._pending.values()):
            request.fail(TransportClosed(f"{request.what}: the client was closed"))
        self._pending.clear()
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None
        if self._subscription is not None:
            await self._subscription.close()
            self._subscription = None

    def expect(self, what: str) -> Expecting:
        """Prepare for an answer: `with requests.expect("describe x") as request: ...`."""
        return Expecting(self, what)

    def add(self, what: str) -> Request:
        """Begin to wait; raises `TransportClosed` when the client is not open."""
        if self._subscription is None:
            raise TransportClosed(f"{what}: the client is not open: use `async with Client(...) as client:`")
        if self._refused is not None:
            raise self._refused
        caller = ClientCaller(self._client, new_id())
        request = Request(caller, what, asyncio.get_running_loop().create_future())
        self._pending[caller.request] = request
        return request

    def remove(self, request: Request) -> None:
        """Wait no longer."""
        self._pending.pop(request.caller.request, None)

    async def _watch_over(self, subscription: Subscription) -> None:
        """Tell whoever waits when no answer can come any more."""
        try:
            await subscription.take()
        except TransportClosed:  # by us, or by one that has no broker which could refuse
            return
        except TransportError as error:
            self._refused = error
            for request in list(self._pending.values()):
                request.fail(error)

    def _on_body(self, body: bytes) -> None:
        try:
            envelope = decode(body)
        except DecodeError as error:
            logger.warning("Dropped an answer that cannot be decoded: {}", error)
            return
        request = self._pending.get(envelope.id)
        if request is not None and not request.future.done():
            request.future.set_result(envelope.message)

    def _on_restored(self) -> None:
        for request in list(self._pending.values()):
            if request.again is not None and not request.future.done():
                request.again()


class Expecting:
    """A request for the length of a `with` block."""

    def __init__(self, requests: Requests, what: str) -> None:
        self._requests = requests
        self._request = requests.add(what)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._requests.remove(self._request)

    @property
    def caller(self) -> ClientCaller:
        """Whom to answer."""
        return self._request.caller

    @property
    def future(self) -> asyncio.Future[Any]:
        """The answering message, or a JSON reply."""
        return self._request.future

    def repeat_by(self, again: Callable[[], object]) -> None:
        """Say how it is asked again after a lost connection."""
        self._request.again = again

    def sent(self, future: asyncio.Future[None]) -> None:
        """Take note of what became of the question: one that cannot be sent is not answered."""
        if not future.cancelled() and (error := future.exception()) is not None:
            self._request.fail(error)

    async def within(self, deadline: Deadline, step: Awaitable[A]) -> A:
        """Return what a step towards the question gives; raises `RequestTimedOut`."""
        return await deadline.within(step, self._request.what)

    async def answer(self, kind: type[A], deadline: Deadline = FOR_EVER) -> A:
        """Wait for the answer until the deadline, whether the question could be sent or not.

        Raises `RequestTimedOut`, `RequestRefused`, `PublishFailed`, `BrokerRefused`, `TransportClosed`.
        """
        done, _ = await asyncio.wait([self.future], timeout=deadline.left())
        if not done:
            raise RequestTimedOut(self._request.what, deadline.seconds or 0.0)
        return checked(self.future.result(), kind, self._request.what)


def checked(message: Any, kind: type[A], what: str) -> A:
    """Return the answer if it is of the wanted kind; raises `RequestRefused`."""
    if isinstance(message, Refused):
        raise RequestRefused(message.kind, f"{what}: {message.text}")
    if not isinstance(message, kind):
        raise RequestRefused("unexpected", f"{what}: the answer is a {type(message).__name__}, not a {kind.__name__}")
    return message
