"""JSON from outside to commands, or to a refusal that says what to change. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple, TypeVar

import msgspec

from leveret.errors import ArgumentMismatch
from leveret.start_options import CommonOptions, plan_of
from leveret_actors.ingress.bodies import (
    CallBody,
    CancelBody,
    CompleteBody,
    FailBody,
    OpeningBody,
    SignalBody,
    StartBody,
    TargetedBody,
)
from leveret_actors.ingress.command import Command, CommandRefused, Opening, ReplyAddress, Wants, Whom
from leveret_broker.command import RawCommand
from leveret_broker.errors import ConfigurationError
from leveret_broker.ids import check_id, check_name, run_of

B = TypeVar("B", bound=TargetedBody | StartBody)

_JSON: Final = re.compile(
    r"(application/([\w.+-]+\+)?json|text/json)\s*(;\s*charset\s*=\s*\"?utf-?8\"?\s*)?", re.IGNORECASE
)
KEY_LIMIT: Final = 255
"""Characters of an idempotency key, and bytes of a reply address: what AMQP allows of its properties."""


class Address(NamedTuple):
    """What a routing key says."""

    verb: str
    name: str
    member: str


def parse(raw: RawCommand, fresh_key: str, *, ours: str = "") -> Command:
    """Return the command in a message; raises `CommandRefused`.

    `fresh_key` is the idempotency key of one that has no `message_id`. `ours` is what the names of our own queues begin
    with, which get no replies.
    """
    address = parse_routing_key(raw.routing_key)
    _check_content(raw)
    key = raw.text("message_id") or fresh_key
    if len(key) > KEY_LIMIT:
        raise CommandRefused("message_id", f"it has {len(key)} characters, the limit is {KEY_LIMIT}")
    try:
        return _PARSERS[address.verb](raw, address, key, parse_reply(raw, address, key, ours))
    except (ConfigurationError, ArgumentMismatch) as error:
        raise CommandRefused("body", str(error)) from error


def parse_routing_key(routing_key: str) -> Address:
    """Return verb, workflow or service, and method or channel; raises `CommandRefused`.

    A workflow's name may hold dots, so the last word is the member of those verbs that have one.
    """
    verb, _, rest = routing_key.partition(".")
    if verb not in _PARSERS:
        known = ", ".join(f"{known}." for known in _PARSERS)
        raise CommandRefused("routing_key", f"{routing_key!r} begins with none of {known}")
    name, member = rest, ""
    if verb in {"signal", "call"}:
        name, dot, member = rest.rpartition(".")
        if not (dot and name and member):
            what = "channel" if verb == "signal" else "method"
            raise CommandRefused("routing_key", f"{routing_key!r} must be {verb}.<Workflow>.<{what}>")
    try:
        check_name("service" if verb in {"complete", "fail"} else "workflow", name)
    except ConfigurationError as error:
        raise CommandRefused("routing_key", f"{routing_key!r}: {error}") from error
    return Address(verb, name, member)


def parse_reply(raw: RawCommand, address: Address, key: str, ours: str = "") -> ReplyAddress | None:
    """Return where the answer goes, None when nobody wants one; raises `CommandRefused`."""
    to = raw.text("reply_to")
    if not to:
        return None
    if len(to.encode()) > KEY_LIMIT or (ours and to.startswith(ours)):
        raise CommandRefused("reply_to", f"{to!r} cannot get replies: name a queue of your own")
    wants: Wants = "result" if address.verb in {"start", "call"} else "done"
    return ReplyAddress(to, raw.text("correlation_id"), key, address.name, wants)


def _check_content(raw: RawCommand) -> None:
    if raw.size:
        text = f"the body has {raw.size} bytes, which is over the limit: pass a reference instead"
        raise CommandRefused("too_large", text)
    kind, encoding = raw.text("content_type"), raw.text("content_encoding")
    if kind and not _JSON.fullmatch(kind.strip()):
        raise CommandRefused("content_type", f"{kind!r} is not JSON: send application/json")
    if encoding and encoding.lower() not in {"utf-8", "utf8", "identity"}:
        raise CommandRefused("content_type", f"the content encoding {encoding!r} is not understood: send plain UTF-8")


def _start(raw: RawCommand, address: Address, key: str, reply: ReplyAddress | None) -> Command:
    body = _read(raw, StartBody)
    if body.reply == "started" and reply is not None:
        reply = msgspec.structs.replace(reply, wants="started")
    return Command(verb="start", name=address.name, key=key, opening=_opening(address.name, body, key), reply=reply)


def _signal(raw: RawCommand, address: Address, key: str, reply: ReplyAddress | None) -> Command:
    body = _read(raw, SignalBody)
    whom = _whom(body, body.start)
    return Command(
        verb="signal",
        name=address.name,
        member=address.member,
        key=key,
        whom=whom,
        opening=_opening_for(address, whom, body.start, key),
        value=body.value,
        reply=reply,
    )


def _call(raw: RawCommand, address: Address, key: str, reply: ReplyAddress | None) -> Command:
    body = _read(raw, CallBody)
    whom = _whom(body, body.start)
    if reply is not None and not whom.id:
        reply = msgspec.structs.replace(reply, wants="one" if whom.unique_tag else "done")
    return Command(
        verb="call",
        name=address.name,
        member=address.member,
        key=key,
        whom=whom,
        opening=_opening_for(address, whom, body.start, key),
        value=body.arguments,
        reply=reply,
    )


def _cancel(raw: RawCommand, address: Address, key: str, reply: ReplyAddress | None) -> Command:
    body = _read(raw, CancelBody)
    whom = _whom(body)
    return Command(
        verb="cancel", name=address.name, key=key, whom=whom, reason=body.reason, force=body.force, reply=reply
    )


def _complete(raw: RawCommand, address: Address, key: str, reply: ReplyAddress | None) -> Command:
    body = _read(raw, CompleteBody)
    return Command(
        verb="complete",
        name=address.name,
        key=key,
        whom=_task(body),
        value=body.result,
        sequence=body.sequence,
        reply=reply,
    )


def _fail(raw: RawCommand, address: Address, key: str, reply: ReplyAddress | None) -> Command:
    body = _read(raw, FailBody)
    return Command(
        verb="fail",
        name=address.name,
        key=key,
        whom=_task(body),
        value=body.error if isinstance(body.error, str) else msgspec.structs.asdict(body.error),
        retry=body.retry,
        sequence=body.sequence,
        reply=reply,
    )


_PARSERS: Final[Mapping[str, Callable[[RawCommand, Address, str, ReplyAddress | None], Command]]] = {
    "start": _start,
    "signal": _signal,
    "call": _call,
    "cancel": _cancel,
    "complete": _complete,
    "fail": _fail,
}


def _read(raw: RawCommand, kind: type[B]) -> B:
    """Return the body, with what the headers say of the target."""
    try:
        body = msgspec.json.decode(raw.body or b"{}", type=kind)
    except msgspec.ValidationError as error:
        raise CommandRefused("body", str(error)) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise CommandRefused("not_json", str(error)) from error
    found = {name: raw.headers[name] for name in kind.TARGETS if raw.headers.get(name)}
    for name, value in found.items():
        said: Any = getattr(body, name)
        if isinstance(value, str) and name == "tags":
            value = [value]  # noqa: PLW2901
        if said and said != value:
            raise CommandRefused("target", f"the header {name} is {value!r}, the body says {said!r}")
        found[name] = value
    return msgspec.structs.replace(body, **found) if found else body


def _whom(body: TargetedBody, start: OpeningBody | bool | None = None) -> Whom:
    """Return who is meant, exactly one; raises `CommandRefused`."""
    said = {name: value for name in ("id", "tag", "unique_tag") if (value := getattr(body, name))}
    if not said:
        raise CommandRefused("target", "nobody is meant: give id, tag or unique_tag, in the body or as a header")
    if len(said) > 1:
        raise CommandRefused("target", f"{' and '.join(said)} are given: one of them only")
    if start and "tag" in said:
        raise CommandRefused("target", "start goes with id or unique_tag: nobody can tell whether a tag is complete")
    return Whom(**{name: check_id(f"the {name}", value) for name, value in said.items()})


def _task(body: TargetedBody) -> Whom:
    whom = _whom(body)
    if whom.unique_tag:
        raise CommandRefused("target", "tasks have no unique tags: give id or tag")
    return whom


def _opening_for(address: Address, whom: Whom, start: OpeningBody | bool | None, key: str) -> Opening | None:
    """Return what is started first if nobody is there."""
    if not start:
        return None
    body = OpeningBody() if start is True else start
    if body.id or body.unique_tag:
        raise CommandRefused("target", "start takes its id or unique_tag from the command: leave them out there")
    return _opening(address.name, msgspec.structs.replace(body, id=whom.id, unique_tag=whom.unique_tag), key)


def _opening(workflow: str, body: OpeningBody, key: str) -> Opening:
    """Return how to start; without an id it is derived from the key, as clients do."""
    plan = plan_of(
        workflow,
        CommonOptions,
        {
            "id": body.id or run_of(workflow, "", key),
            "tags": body.tags,
            "unique_tag": body.unique_tag or None,
            "meta": body.meta,
            "on_conflict": body.on_conflict,
            "on_closed": body.on_closed,
            "timeout": body.timeout,
            "version": body.version,
        },
    )
    return Opening(plan, body.method, body.arguments)
