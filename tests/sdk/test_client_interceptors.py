"""Interceptors of a client: around each thing that it does; they change, refuse, measure and translate."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from leveret import Client, ConfigurationError, Handle, RequestTimedOut, WorkflowUnknown, interceptors
from leveret.interceptors import ClientInterceptor
from leveret.verbs import TaskChoice
from leveret_broker.codec import Codec
from leveret_broker.envelope import (
    Answer,
    Call,
    Cancel,
    CancelTask,
    CompleteTimers,
    Description,
    Done,
    EndTask,
    HistoryPage,
    MembersPage,
    RetryTasks,
    Signal,
    Start,
    TagJoin,
)
from leveret_broker.outcome import Completed, Unknown
from tests.sdk.scripted import ScriptedTransport, always
from tests.sdk.shop import Booking, Cart, Decision

CODEC = Codec()
CART = Cart(2)
OK = Answer(Completed(CODEC.dump("r")))


@dataclass
class Seeing(ClientInterceptor):
    """Notes what it sees, and what came of it."""

    seen: list[str] = field(default_factory=list)
    name: str = ""

    async def _note(self, what: str, proceed: Callable[[], Awaitable[Any]]) -> Any:
        result = await proceed()
        shown = type(result).__name__ if isinstance(result, Handle | Description | HistoryPage) else result
        self.seen.append(f"{self.name}{what}: {shown}")
        return result

    async def start(self, details: interceptors.StartRequest, /) -> Any:
        call = details.call
        what = f"start {call.plan.workflow}.{call.method} {call.plan.id} {details.waits}"
        return await self._note(what, details.proceed)

    async def send_signal(self, details: interceptors.SignalRequest, /) -> Any:
        return await self._note(f"signal {details.call.channel} to {details.call.target}", details.proceed)

    async def call_method(self, details: interceptors.CallRequest, /) -> Any:
        what = f"call {details.call.method} of {details.call.target} {details.waits}"
        return await self._note(what, details.proceed)

    async def ask_query(self, details: interceptors.QueryRequest, /) -> Any:
        return await self._note(f"query {details.call.method} of {details.call.target}", details.proceed)

    async def await_result(self, details: interceptors.ResultRequest, /) -> Any:
        return await self._note(f"result of {details.target} {details.method_id}", details.proceed)

    async def request_cancel(self, details: interceptors.CancelRequest, /) -> Any:
        what = f"cancel {details.call.target} {details.call.reason} {details.task_id}"
        return await self._note(what, details.proceed)

    async def use_verb(self, details: interceptors.VerbRequest, /) -> Any:
        return await self._note(f"{details.call.verb} {details.call.target}", details.proceed)

    async def read_page(self, details: interceptors.PageRequest, /) -> Any:
        return await self._note(f"{details.what} of {details.target} after {details.after}", details.proceed)


@pytest.fixture
def transport() -> ScriptedTransport:
    return ScriptedTransport()


def client_of(transport: ScriptedTransport, *around: ClientInterceptor) -> Client:
    return Client(transport=transport, interceptors=around)


@pytest.fixture
async def seeing(transport: ScriptedTransport) -> AsyncIterator[tuple[Client, list[str]]]:
    around = Seeing()
    async with client_of(transport, around) as client:
        yield client, around.seen


async def test_starts_calls_signals_and_queries_are_seen_with_what_came_of_them(
    seeing: tuple[Client, list[str]], transport: ScriptedTransport
) -> None:
    client, seen = seeing
    transport.respond = _answered

    await client.new(Booking, id="b1").book(CART)
    handle = await client.dispatch(client.new(Booking, id="b2").book, CART)
    await client.get(Booking, id="b1").decisions.send(Decision(yes=True))
    await client.all(Booking, tag="t").decisions.send(Decision(yes=True))
    await client.get(Booking, id="b1").book(CART)
    await client.dispatch(client.get(Booking, id="b1").book, CART)
    await client.dispatch(client.all(Booking, tag="t").take_back)
    await client.get("Booking", id="b1").query("points")
    await handle.result()

    assert seen == [
        "start Booking.book b1 True: r",
        "start Booking.book b2 False: Handle",
        "signal decisions to Booking 'b1': None",
        "signal decisions to Booking with tag 't': None",
        "call book of Booking 'b1' True: r",
        "call book of Booking 'b1' False: Handle",
        "call undo of Booking with tag 't' False: <Sent Booking.undo to all with tag 't'>",
        "query points of Booking 'b1': r",
        "result of Booking 'b2' : r",
    ]


def _answered(envelope: Any) -> Any:
    caller = getattr(envelope.message, "caller", None)
    return None if caller is None else (caller.request, OK)


async def test_cancelling_and_verbs_are_seen_with_what_came_of_them(
    seeing: tuple[Client, list[str]], transport: ScriptedTransport
) -> None:
    client, seen = seeing
    one, tagged = client.get(Booking, id="b1"), client.all(Booking, tag="t")
    done = Done(found=True, count=1, text="did")
    await client.cancel(one, "why")
    await client.cancel(tagged, force=True)
    transport.respond = always(done)
    await client.cancel_task(one, "r.1", "why")
    await client.retry_tasks(one)
    await client.retry_workflow_task(one)
    await client.complete_timers(one)
    transport.respond = always(Description(found=True))
    await client.describe(one)
    transport.respond = always(HistoryPage((), more=False))
    assert [record async for record in client.history(one)] == []
    transport.respond = always(MembersPage((), more=False))
    assert [member async for member in client.members(tagged)] == []

    assert seen == [
        "cancel Booking 'b1' why : None",
        "cancel Booking with tag 't'  : None",
        f"cancel Booking 'b1' why r.1: {done}",
        f"retry_tasks Booking 'b1': {done}",
        f"retry_workflow_task Booking 'b1': {done}",
        f"complete_timers Booking 'b1': {done}",
        "describe Booking 'b1': Description",
        "history of Booking 'b1' after 0: HistoryPage",
        f"members of Booking with tag 't' after 0: {MembersPage((), more=False)}",
    ]


async def test_results_and_cancelling_of_tasks_without_a_workflow_are_seen_and_changed(
    transport: ScriptedTransport,
) -> None:
    seen: list[str] = []
    async with client_of(transport, Seeing(seen), Tracing()) as client:
        handle = client.get_task("Desk.book", id="t1")
        await client.cancel(handle, "enough")
        transport.respond = _answered
        await handle.result()

    assert seen == ["cancel Desk.book 't1' enough t1: None", "result of Desk.book 't1' : r"]
    (end,), (stop,) = transport.messages(EndTask), transport.messages(CancelTask)
    assert end.outcome.where["reason"] == stop.reason == "web: enough"


async def test_the_first_interceptor_is_the_outermost(transport: ScriptedTransport) -> None:
    seen: list[str] = []
    async with client_of(transport, Seeing(seen, "outer "), Seeing(seen, "inner ")) as client:
        await client.cancel(client.get(Booking, id="b1"))

    assert seen == ["inner cancel Booking 'b1'  : None", "outer cancel Booking 'b1'  : None"]


class Tracing(ClientInterceptor):
    """Adds a tag and a trace id to every start, and a prefix to what else is sent."""

    async def start(self, details: interceptors.StartRequest, /) -> Any:
        plan = details.call.plan
        plan = replace(plan, tags=(*plan.tags, "web"), meta={**plan.meta, "trace": "t1"})
        return await details.proceed(replace(details.call, plan=plan))

    async def send_signal(self, details: interceptors.SignalRequest, /) -> Any:
        return await details.proceed(replace(details.call, value=CODEC.dump("changed")))

    async def call_method(self, details: interceptors.CallRequest, /) -> Any:
        return await details.proceed(replace(details.call, method="other"))

    async def request_cancel(self, details: interceptors.CancelRequest, /) -> Any:
        return await details.proceed(replace(details.call, reason=f"web: {details.call.reason}"))

    async def use_verb(self, details: interceptors.VerbRequest, /) -> Any:
        return await details.proceed(replace(details.call, tasks=TaskChoice(("r.7",)), method="m"))


async def test_what_an_interceptor_changes_is_what_is_sent(transport: ScriptedTransport) -> None:
    async with client_of(transport, Tracing()) as client:
        handle = await client.dispatch(client.new(Booking, tags={"own"}, meta={"k": "v"}).book, CART)
        named = client.get("Booking", id="b1")
        await named.signal("notes", "original")
        await named.dispatch("book")
        await named.cancel("enough")
        transport.respond = always(Done(found=True, count=1, text=""))
        await named.retry_tasks()
        await named.complete_timers()
        await named.cancel_task("r.1", "task")

    (start,) = transport.messages(Start)
    assert (start.tags, start.meta) == (("own", "web"), {"k": "v", "trace": "t1"})
    assert [join.instance for join in transport.messages(TagJoin)] == [handle.id, handle.id]
    (signal,) = transport.messages(Signal)
    assert CODEC.load(signal.value) == "changed"
    (call,) = transport.messages(Call)
    assert call.method == "other"
    assert [cancel.reason for cancel in transport.messages(Cancel)] == ["web: enough", "web: task"]
    assert transport.messages(RetryTasks)[0].task_ids == ("r.7",)
    assert transport.messages(CompleteTimers)[0].method == "m"


class Refusing(ClientInterceptor):
    async def start(self, details: interceptors.StartRequest, /) -> Any:
        if "trace" not in details.call.plan.meta:
            raise PermissionError("no start without a trace id")
        return await details.proceed()

    async def call_method(self, details: interceptors.CallRequest, /) -> Any:
        raise PermissionError(f"{details.call.method} is not for you")


async def test_what_an_interceptor_refuses_is_not_sent(transport: ScriptedTransport) -> None:
    async with client_of(transport, Refusing()) as client:
        with pytest.raises(PermissionError, match="no start without a trace id"):
            await client.new(Booking).book(CART)
        with pytest.raises(PermissionError, match="book is not for you"):
            await client.get(Booking, id="b1").book(CART)
        assert transport.sent == []

        await client.dispatch(client.new(Booking, meta={"trace": "t"}).book, CART)

    assert len(transport.sent) == 1


class NotFound(Exception):
    pass


class Translating(ClientInterceptor):
    async def call_method(self, details: interceptors.CallRequest, /) -> Any:
        try:
            return await details.proceed()
        except WorkflowUnknown as error:
            raise NotFound(details.call.target.id) from error

    async def use_verb(self, details: interceptors.VerbRequest, /) -> Any:
        try:
            return await details.proceed()
        except RequestTimedOut:
            return Done(found=False, count=0, text="nobody is up")


async def test_errors_can_be_translated_and_answers_stood_in_for(transport: ScriptedTransport) -> None:
    async with client_of(transport, Translating()) as client:
        done = await client.retry_tasks(client.get(Booking, id="b1"), timeout=0.01)
        transport.respond = always(Answer(Unknown({"workflow": "Booking"})))
        with pytest.raises(NotFound, match="b1"):
            await client.get(Booking, id="b1").book(CART)

    assert done.text == "nobody is up"


class Repeating(ClientInterceptor):
    async def start(self, details: interceptors.StartRequest, /) -> Any:
        await details.proceed()
        return await details.proceed()

    async def call_method(self, details: interceptors.CallRequest, /) -> Any:
        await details.proceed()
        return await details.proceed()


async def test_proceeding_twice_sends_the_same_message_twice_so_that_receivers_drop_one(
    transport: ScriptedTransport,
) -> None:
    async with client_of(transport, Repeating()) as client:
        await client.dispatch(client.new(Booking).book, CART)
        await client.dispatch(client.get(Booking, id="b1").book, CART)

    (first, again), (called, called_again) = (
        [envelope for _, envelope in transport.sent if isinstance(envelope.message, kind)] for kind in (Start, Call)
    )
    assert (first.id, first.actor) == (again.id, again.actor)
    assert called.id == called_again.id


class Redirecting(ClientInterceptor):
    async def send_signal(self, details: interceptors.SignalRequest, /) -> Any:
        return await details.proceed(replace(details.call, target=replace(details.call.target, id="b2")))

    async def use_verb(self, details: interceptors.VerbRequest, /) -> Any:
        return await details.proceed(replace(details.call, verb="describe"))


async def test_an_interceptor_cannot_make_another_request_of_one(transport: ScriptedTransport) -> None:
    async with client_of(transport, Redirecting()) as client:
        with pytest.raises(ConfigurationError, match="cannot make a request for Booking 'b2' of a request for Book"):
            await client.get(Booking, id="b1").decisions.send(Decision(yes=True))
        with pytest.raises(ConfigurationError, match=r"cannot make describe for .* of retry_tasks for"):
            await client.retry_tasks(client.get(Booking, id="b1"))

    assert transport.sent == []


def test_what_is_no_interceptor_of_clients_is_refused(transport: ScriptedTransport) -> None:
    with pytest.raises(ConfigurationError, match="is not an interceptor of clients"):
        Client(transport=transport, interceptors=[object()])  # type: ignore[list-item]


async def test_the_id_that_an_interceptor_chooses_is_the_handles(transport: ScriptedTransport) -> None:
    class Naming(ClientInterceptor):
        async def start(self, details: interceptors.StartRequest, /) -> Any:
            return await details.proceed(replace(details.call, plan=replace(details.call.plan, id="chosen")))

    async with client_of(transport, Naming()) as client:
        handle = await client.dispatch(client.new(Booking).book, CART)

    assert handle.id == "chosen"
    assert [envelope.actor for _, envelope in transport.sent] == ["chosen"]
