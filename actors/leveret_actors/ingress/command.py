"""What applications ask for by JSON, as data: a `Command`, wherever it was read from.

Nothing here or in `parsing` and `letters` knows a connection. A command says what is wanted of whom; `Contracts` says
whether a workflow understands it; `letters_for` turns it into envelopes; a `Sender` sends those.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, TypeAlias

import msgspec

from leveret.start_options import StartPlan
from leveret_broker.address import ANSWERS
from leveret_broker.envelope import ClientCaller
from leveret_broker.errors import DecodeError, LeveretError

Verb: TypeAlias = Literal["start", "signal", "call", "cancel", "complete", "fail"]
Wants: TypeAlias = Literal["result", "started", "one", "done"]
"""What a reply tells: a method's outcome, that a start was accepted, the outcome of the one holder of a unique tag, or
what was done."""
Arguments: TypeAlias = Mapping[str, Any] | Sequence[Any]
"""Plain data: by name, or in order."""

CLIENT: Final = "@"
"""A reply address that begins with it names a client of ours, not a queue."""


class CommandRefused(LeveretError):
    """Raised for what is no command, or cannot be carried out; `kind` is one word, the text says what to change."""

    def __init__(self, kind: str, text: str) -> None:
        """Keep both."""
        super().__init__(kind, text)
        self.kind = kind
        self.text = text

    def __str__(self) -> str:
        """Return both, as the dead letter's reason."""
        return f"{self.kind}: {self.text}"


class Whom(msgspec.Struct, frozen=True):
    """Whom a command is for; exactly one of these."""

    id: str = ""
    """Of an instance, or of a task for `complete` and `fail`."""
    tag: str = ""
    """All that carry it."""
    unique_tag: str = ""
    """The one instance that holds it."""

    def __str__(self) -> str:
        """Name it."""
        if self.id:
            return repr(self.id)
        return f"tag {self.tag!r}" if self.tag else f"unique tag {self.unique_tag!r}"


class Opening(msgspec.Struct, frozen=True):
    """How an instance is started; its plan has an id always."""

    plan: StartPlan
    method: str = ""
    """Empty: the only one that the workflow has."""
    arguments: Arguments = {}


class ReplyAddress(msgspec.Struct, frozen=True, array_like=True):
    """Where an answer goes as JSON. It travels with the envelopes, so that no router has to remember it."""

    to: str
    """A queue, or `@` and the name of a client's replies."""
    correlation: str = ""
    """Given back as `correlation_id`."""
    key: str = ""
    """Of the command."""
    name: str = ""
    """The workflow or service that was asked."""
    wants: Wants = "done"

    @property
    def caller(self) -> ClientCaller:
        """What an envelope carries of it."""
        return ClientCaller(ANSWERS.service, _addresses.encode(self).decode())


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that an application wants."""

    verb: Verb
    name: str
    """Of the workflow; for `complete` and `fail` of the service."""
    member: str = ""
    """The method of a `call`, the channel of a `signal`, by its name on the wire."""
    key: str
    """Idempotency key: a second command with the same verb, name, member, receiver and key has no effect."""
    whom: Whom = Whom()
    """For everything but a `start`."""
    opening: Opening | None = None
    """Of a `start`. Of a `signal` or `call` by id or unique tag: what is started first, if nobody is there."""
    value: Any = None
    """Plain data: the value of a `signal`, the arguments of a `call`, the result for `complete`, the error for `fail`.

    An error is a text, or a mapping with `message` and perhaps `type`."""
    hold: float = 0.0
    """Of a `signal`: seconds that it waits for somebody to be there; then it is a dead letter. 0 is not at all."""
    reason: str = ""
    """Of a `cancel`."""
    force: bool = False
    """Of a `cancel`: without the workflow's code."""
    retry: bool = False
    """Of a `fail`: the task's policy decides."""
    sequence: int = -1
    """Of `complete` and `fail`: only this life of the task; -1 is whichever is open."""
    reply: ReplyAddress | None = None

    @property
    def id(self) -> str:
        """The id of its envelope, from which the others' are derived."""
        member = f".{self.member}" if self.member else ""
        return f"{self.key}/{self.verb}.{self.name}{member}"

    @property
    def caller(self) -> ClientCaller | None:
        """Who waits for an answer."""
        return None if self.reply is None else self.reply.caller


def reply_address(request: str) -> ReplyAddress:
    """Return what `ReplyAddress.caller` made a request of; raises `DecodeError`."""
    try:
        return _decoder.decode(request)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        text = f"{request!r} says not where the answer goes: {error}"
        raise DecodeError(text) from error


_addresses: Final = msgspec.json.Encoder()
_decoder: Final = msgspec.json.Decoder(ReplyAddress)
