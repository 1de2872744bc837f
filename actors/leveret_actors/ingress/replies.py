"""What applications are told: answers as JSON. `docs/wire.md` shows each."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Final, Literal, TypeAlias

import msgspec
from msgspec import Meta

from leveret_actors.ingress.command import CLIENT, CommandRefused, ReplyAddress
from leveret_broker.address import ForeignQueue, ReplyQueue
from leveret_broker.codec import Codec, plain_data
from leveret_broker.envelope import Answer, Done, Fanned, Message, Refused, Started
from leveret_broker.errors import PayloadError
from leveret_broker.outcome import Cancelled, Completed, Failed, Failure, Outcome, TimedOut, Unknown
from leveret_broker.transport import Transport

Status: TypeAlias = Literal[
    "completed", "failed", "timed_out", "cancelled", "unknown", "started", "done", "sent", "refused"
]


class FailureBody(msgspec.Struct, frozen=True, omit_defaults=True):
    """An exception, without its traceback, which is no concern of other applications."""

    type: Annotated[str, Meta(description="Qualified name of its class: `shop.errors.CardRefused`.")]
    message: str
    attributes: dict[str, Any] | None = None
    cause: FailureBody | None = None


class ReplyBody(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The JSON of a reply; which fields it has besides the first two depends on the status."""

    status: Status
    message_id: Annotated[str, Meta(description="Of the command.")]
    value: Annotated[Any, Meta(description="`completed`: what the method returned.")] = msgspec.UNSET
    failure: Annotated[FailureBody | None, Meta(description="`failed`.")] = None
    kind: Annotated[str, Meta(description="`refused`: one word.")] = ""
    text: Annotated[str, Meta(description="For people.")] = ""
    id: Annotated[str, Meta(description="`started`: the instance's.")] = ""
    run: Annotated[str, Meta(description="`started`: its run.")] = ""
    new: Annotated[bool | None, Meta(description="`started`: false when it was there already.")] = None
    count: Annotated[int | None, Meta(description="`done`: how many instances or tasks it reached.")] = None


def reply(transport: Transport, to: ReplyAddress, body: ReplyBody) -> asyncio.Future[None]:
    """Publish a reply."""
    data = _encoder.encode(body)
    if to.to.startswith(CLIENT):
        return transport.publish(ReplyQueue(to.to.removeprefix(CLIENT)), data)
    return transport.publish(ForeignQueue(to.to, to.correlation), data)


def sent(to: ReplyAddress) -> ReplyBody:
    """Return what a signal by id gets: it is on its way, whoever is there."""
    return ReplyBody(status="sent", message_id=to.key)


def refused(to: ReplyAddress, refusal: CommandRefused) -> ReplyBody:
    """Return what a refused command gets."""
    return ReplyBody(status="refused", message_id=to.key, kind=refusal.kind, text=refusal.text)


def reply_of(to: ReplyAddress, message: Message, codec: Codec) -> ReplyBody | None:
    """Return what an answer says, None for one that is not for who waits."""
    key = to.key
    match message:
        case Answer(outcome):
            return _outcome(key, outcome, codec)
        case Started(instance, run, new, conflict=False):
            return ReplyBody(status="started", message_id=key, id=instance, run=run, new=new)
        case Started(instance, run):
            text = f"{to.name} {instance!r} has already been started (run {run})"
            return ReplyBody(status="refused", message_id=key, kind="already_started", text=text)
        case Fanned(members) if to.wants == "one":
            return None if members else ReplyBody(status="unknown", message_id=key, text="nobody holds the unique tag")
        case Fanned(members):
            return ReplyBody(status="done", message_id=key, count=members, text=f"sent to {members}")
        case Done(found, count, text):
            return ReplyBody(status="done" if found else "unknown", message_id=key, count=count, text=text)
        case Refused(kind, text):
            return ReplyBody(status="refused", message_id=key, kind=kind, text=text)
        case _:
            return None


def _outcome(key: str, outcome: Outcome, codec: Codec) -> ReplyBody:
    match outcome:
        case Completed(value):
            try:
                return ReplyBody(status="completed", message_id=key, value=plain_data(codec.load(value)))
            except PayloadError as error:
                text = f"it completed, with a value that is no JSON: {error}"
                return ReplyBody(status="refused", message_id=key, kind="unreadable", text=text)
        case Failed(failure):
            return ReplyBody(status="failed", message_id=key, failure=_failure(failure, codec))
        case TimedOut(seconds):
            return ReplyBody(status="timed_out", message_id=key, text=f"timed out after {seconds:g} s")
        case Cancelled(where):
            return ReplyBody(status="cancelled", message_id=key, text=where.get("reason", ""))
        case Unknown(where):
            return ReplyBody(
                status="unknown", message_id=key, text=where.get("reason", "") or "there is no such instance"
            )


def _failure(failure: Failure, codec: Codec) -> FailureBody:
    attributes: dict[str, Any] | None = None
    if failure.attributes is not None:
        try:
            attributes = plain_data(codec.load(failure.attributes))
        except PayloadError:
            attributes = {}
    cause = None if failure.cause is None else _failure(failure.cause, codec)
    return FailureBody(failure.type, failure.message, attributes, cause)


_encoder: Final = msgspec.json.Encoder()
