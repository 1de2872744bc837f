"""Groups: all instances of a workflow that carry a tag."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from functools import partial
from typing import Any, NamedTuple, NoReturn

from leveret.calls import CancelCall, MethodCall, SignalCall, Target
from leveret.client.post import Post, letter
from leveret.client.requests import Deadline
from leveret.client.verbs import PATIENCE, Verb, Verbs
from leveret.contract import Duration
from leveret.verbs import done_by_tag
from leveret_broker.codec import Payload
from leveret_broker.envelope import Call, Cancel, ClientCaller, Done, Fanned, MembersPage, Signal, TagFan, TagMembers
from leveret_broker.ids import new_id, tag_key


class TagMember(NamedTuple):
    """An instance that carries a tag."""

    id: str
    run: str


class Sent:
    """What a call by tag gives: it was sent; many instances run it, so there is no one result to ask for."""

    def __init__(self, workflow: str, tag: str, method: str) -> None:
        """Made by `Group.dispatch`."""
        self.workflow = workflow
        self.tag = tag
        self.method = method

    def __repr__(self) -> str:
        return f"<Sent {self.workflow}.{self.method} to all with tag {self.tag!r}>"

    def __getattr__(self, name: str) -> NoReturn:
        text = f"{self!r} has no single {name}: take the instances from Client.members(...) and ask each"
        raise AttributeError(text, name=name, obj=self)


class Group(Verbs):
    """All instances with a tag; what is sent reaches those that joined before."""

    def __init__(self, post: Post, workflow: str, tag: str) -> None:
        """Made by `Client.all`."""
        self._post = post
        self.workflow = workflow
        self.tag = tag

    def __str__(self) -> str:
        return f"{self.workflow} with tag {self.tag!r}"

    async def signal(self, channel: str, value: object, *, message_id: str | None = None) -> None:
        """Send a signal by the channel's name on the wire, unchecked; returns when the broker holds it."""
        await self.post_signal(channel, self._post.codec.dump(value), message_id)

    @property
    def target(self) -> Target:
        """Who is meant."""
        return Target(self.workflow, tag=self.tag)

    async def post_signal(self, channel: str, value: Payload, message_id: str | None) -> None:
        """Send an encoded signal."""
        call = SignalCall(self.target, channel, value, message_id or new_id())
        await self._post.around.signal(call, self._signal)

    async def _signal(self, call: SignalCall) -> None:
        await self._fan(Signal(call.channel, call.value, patient=True), call.message_id)

    async def dispatch(
        self, method: str, arguments: Mapping[str, Any] | None = None, *, message_id: str | None = None
    ) -> Sent:
        """Run a method, by its name on the wire, on every instance; returns when the broker holds the request."""
        return await self.post_call(method, self._post.codec.dump(dict(arguments or {})), message_id)

    async def post_call(self, method: str, arguments: Payload, message_id: str | None = None) -> Sent:
        """Call a method with encoded arguments."""
        call = MethodCall(self.target, method, arguments, message_id=message_id or new_id())
        sent: Sent = await self._post.around.call(call, self._call, waits=False)
        return sent

    async def _call(self, call: MethodCall) -> Sent:
        await self._fan(Call(call.method, call.arguments, patient=True), call.message_id)
        return Sent(self.workflow, self.tag, call.method)

    async def cancel(self, reason: str = "", *, force: bool = False) -> None:
        """Ask every instance to cancel, by `force` without its code; returns when the broker holds the request."""
        await self._post.around.cancel(CancelCall(self.target, reason, force), self._cancel)

    async def _cancel(self, call: CancelCall) -> None:
        await self._fan(Cancel(reason=call.reason, force=call.force), None)

    async def ask(self, verb: Callable[[ClientCaller | None], Verb], timeout: Duration) -> Done:  # noqa: ASYNC109
        """Send a verb to every instance; returns how many it was sent to, once it was."""
        key, deadline = tag_key(self.workflow, self.tag), Deadline(timeout)
        with self._post.requests.expect(f"verb for {self}") as expecting:
            queue = await expecting.within(deadline, self._post.queue_of_tag(self.workflow, self.tag))
            self._post.ask(expecting, queue, letter(key, TagFan(verb(None), expecting.caller)))
            fanned = await expecting.answer(Fanned, deadline)
        return done_by_tag(fanned.members)

    async def members(self, timeout: Duration = PATIENCE) -> AsyncIterator[TagMember]:  # noqa: ASYNC109
        """Iterate over the instances in the order in which they joined, asking for a page at a time.

        `timeout` (a timedelta or seconds) is for each page. Raises `RequestTimedOut`, `RequestRefused`.
        """
        after, more = 0, True
        while more:
            page: MembersPage = await self._post.around.page(
                self.target, "members", after, partial(self._page, after, timeout)
            )
            for number, instance, run in page.members:
                yield TagMember(instance, run)
                after = number
            more = page.more and bool(page.members)

    async def _page(self, after: int, timeout: Duration) -> MembersPage:  # noqa: ASYNC109
        deadline = Deadline(timeout)
        with self._post.requests.expect(f"members: {self}") as expecting:
            queue = await expecting.within(deadline, self._post.queue_of_tag(self.workflow, self.tag))
            question = TagMembers(expecting.caller, after)
            self._post.ask(expecting, queue, letter(tag_key(self.workflow, self.tag), question))
            return await expecting.answer(MembersPage, deadline)

    async def _fan(self, message: Signal | Cancel | Call, message_id: str | None) -> None:
        queue = await self._post.queue_of_tag(self.workflow, self.tag)
        await self._post.send(queue, tag_key(self.workflow, self.tag), TagFan(message), message_id=message_id)
