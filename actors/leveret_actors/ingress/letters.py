"""Commands to envelopes. Pure: the same command makes the same ids, by which receivers drop second copies."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

import msgspec

from leveret_actors.actor import ActorAddress, Post
from leveret_actors.ingress.command import Command, CommandRefused, Opening
from leveret_actors.ingress.contracts import Contracts
from leveret_broker.address import TAGS, ServiceQueue
from leveret_broker.envelope import (
    Call,
    Cancel,
    ClientCaller,
    Envelope,
    Hold,
    Message,
    Query,
    SettleTask,
    Signal,
    Start,
    TagClaim,
    TagFan,
    TagJoin,
    encode,
)
from leveret_broker.ids import hold_key, run_of, tag_key, task_tag_key
from leveret_broker.outcome import Completed, Failed, Failure


@dataclass(frozen=True, slots=True)
class Letters:
    """The envelopes of one command."""

    posts: tuple[Post, ...]
    """To be published in this order."""
    joins: tuple[Post, ...] = ()
    """To be confirmed before those are published: nobody who sees a start may miss its tags."""


def letters_for(command: Command, contracts: Contracts, at: float) -> Letters:
    """Return what a command sends; `at` is Unix time. Raises `CommandRefused` for what its contract does not take."""
    return _LETTERS[command.verb](command, contracts, at)


def _start(command: Command, contracts: Contracts, at: float) -> Letters:
    assert command.opening is not None
    reply, caller = command.reply, command.caller
    started = reply is not None and reply.wants == "started"
    return _open(
        command,
        command.opening,
        contracts,
        at,
        caller=None if started else caller,
        acknowledge=caller if started else None,
    )


def _open(
    command: Command,
    opening: Opening,
    contracts: Contracts,
    at: float,
    *,
    caller: ClientCaller | None = None,
    acknowledge: ClientCaller | None = None,
) -> Letters:
    method, arguments = contracts.opening(command.name, opening)
    plan = opening.plan
    start = Start(
        method=method,
        arguments=arguments,
        caller=caller,
        tags=plan.tags,
        unique_tag=plan.unique_tag,
        meta=dict(plan.meta),
        on_conflict=plan.on_conflict,
        on_closed=plan.on_closed,
        timeout=plan.timeout,
        version=plan.version,
        acknowledge=acknowledge,
    )
    begins = Envelope(f"{command.id}/start", plan.id, start, sent=at)
    run = run_of(command.name, plan.id, begins.id)
    joins = tuple(
        _to_tag(command, tag, f"{begins.id}/join{number}", TagJoin(plan.id, run), at)
        for number, tag in enumerate(plan.tags)
    )
    if not plan.unique_tag:
        return Letters((Post(ActorAddress(command.name, plan.id), begins),), joins)
    claim = TagClaim(plan.id, run, encode(begins), caller or acknowledge, plan.on_conflict)
    return Letters((_to_tag(command, plan.unique_tag, f"{begins.id}/claim", claim, at),), joins)


def _signal(command: Command, contracts: Contracts, at: float) -> Letters:
    # patient: what comes from outside comes in any order, so an instance that is not there yet is waited for
    signal = Signal(command.member, contracts.signal(command), patient=not command.hold)
    if command.hold:
        return Letters((_held(command, signal, at),))
    return _behind_opening(command, contracts, at, signal)


def _call(command: Command, contracts: Contracts, at: float) -> Letters:
    reads, arguments = contracts.call(command)
    caller = None if command.whom.tag else command.caller
    if not reads:
        return _behind_opening(command, contracts, at, Call(command.member, arguments, caller))
    if not command.whom.id or command.opening is not None:
        raise CommandRefused("target", f"{command.member} only reads: ask one instance, by its id")
    if caller is None:
        raise CommandRefused("reply_to", f"{command.member} only reads: without reply_to nobody gets what it says")
    return Letters((_to_instance(command, Query(command.member, arguments, caller), at),))


def _behind_opening(command: Command, contracts: Contracts, at: float, message: Signal | Call) -> Letters:
    """Send a message, behind the start of an instance that may be missing: both go to the same mailbox, in order."""
    opened = None if command.opening is None else _open(command, command.opening, contracts, at)
    post = _to_instance(command, message, at) if command.whom.id else _fan(command, message, at)
    if opened is None:
        return Letters((post,))
    return Letters((*opened.posts, post), opened.joins)


def _cancel(command: Command, _contracts: Contracts, at: float) -> Letters:
    message = Cancel(reason=command.reason, force=command.force)
    if not command.whom.id:
        return Letters((_fan(command, message, at),))
    message = Cancel(reason=command.reason, force=command.force, caller=command.caller)
    return Letters((_to_instance(command, message, at),))


def _complete(command: Command, contracts: Contracts, at: float) -> Letters:
    value = contracts.dump(f"the result of {command.name} {command.whom}", command.value)
    return _settle(command, Completed(value), at)


def _fail(command: Command, _contracts: Contracts, at: float) -> Letters:
    said: Any = command.value
    named = cast("dict[str, Any]", said) if isinstance(said, dict) else {"message": said}
    failure = Failure(str(named.get("type", "DelegateFailed")), str(named.get("message", "")))
    return _settle(command, Failed(failure), at)


def _settle(command: Command, outcome: Completed | Failed, at: float) -> Letters:
    whom, caller = command.whom, command.caller
    if whom.id:
        message = SettleTask(whom.id, outcome, command.retry, command.sequence, caller)
        return Letters((Post(ServiceQueue(command.name), Envelope(command.id, "", message, sent=at)),))
    key = task_tag_key(command.name, whom.tag)
    fan = TagFan(SettleTask("", outcome, command.retry, command.sequence), caller)
    return Letters((Post(ActorAddress(TAGS, key), Envelope(command.id, key, fan, sent=at)),))


def _held(command: Command, signal: Signal, at: float) -> Post:
    """Send a signal to the actor that holds it for its receiver."""
    post = _to_instance(command, signal, at) if command.whom.id else _fan(command, signal, at)
    envelope, to = post.envelope, post.to
    assert isinstance(envelope, Envelope)
    assert isinstance(envelope.message, Signal | TagFan)
    assert isinstance(to, ActorAddress)
    key = hold_key(to.kind, to.key)
    hold = Hold(to.kind, to.key, envelope.message, command.hold)
    return Post(ActorAddress(TAGS, key), msgspec.structs.replace(envelope, actor=key, message=hold))


def _fan(command: Command, message: Signal | Call | Cancel, at: float) -> Post:
    tag = command.whom.tag or command.whom.unique_tag
    return _to_tag(command, tag, command.id, TagFan(message, command.caller), at)


def _to_instance(command: Command, message: Message, at: float) -> Post:
    address = ActorAddress(command.name, command.whom.id)
    return Post(address, Envelope(command.id, command.whom.id, message, sent=at))


def _to_tag(command: Command, tag: str, message_id: str, message: Message, at: float) -> Post:
    key = tag_key(command.name, tag)
    return Post(ActorAddress(TAGS, key), Envelope(message_id, key, message, sent=at))


_LETTERS: Final[Mapping[str, Callable[[Command, Contracts, float], Letters]]] = {
    "start": _start,
    "signal": _signal,
    "call": _call,
    "cancel": _cancel,
    "complete": _complete,
    "fail": _fail,
}


def kinds_of(letters: Iterable[Letters]) -> set[str]:
    """Return the kinds of mailboxes that are needed."""
    return {post.to.kind for one in letters for post in (*one.joins, *one.posts) if isinstance(post.to, ActorAddress)}
