"""The small head of a tag that each of its turns rewrites; members are rows of their own in the store."""

from __future__ import annotations

from typing import Final, TypeAlias

import msgspec

from leveret_broker.envelope import (
    Call,
    Caller,
    Cancel,
    CompleteTimers,
    RetryTasks,
    RetryWorkflow,
    SettleTask,
    Signal,
)
from leveret_broker.errors import DecodeError
from leveret_broker.ids import message_digest

REMEMBERED: Final = 512
"""Fan-outs whose ids a tag remembers, to drop a second delivery."""

LEAVES: Final = 256
"""Leaves that a tag remembers, to tell late copies of joins and of leaves."""

DECISIONS: Final = 64
"""Claims whose decisions a tag remembers, so that a repeated claim gets the same one."""

ANSWERS: Final = 64
"""Fan-outs of clients whose counts a tag remembers, so that who asks again is answered again."""

_DIGEST: Final = 8

Who: TypeAlias = tuple[str, str]
"""Instance and run."""


class Fan(msgspec.Struct, frozen=True, array_like=True, omit_defaults=True):
    """A fan-out on its way: it covers the members with join numbers up to `upto`."""

    id: str
    message: Signal | Cancel | Call | RetryTasks | RetryWorkflow | CompleteTimers | SettleTask
    upto: int
    caller: Caller | None = None
    headers: dict[str, str] = {}
    size: int = 0
    """Bytes of one copy, about."""
    after: int = 0
    """Cursor: members up to this join number have it."""
    sent: int = 0


class Decision(msgspec.Struct, frozen=True, array_like=True):
    """Who held the unique tag when a claim had been decided."""

    digest: bytes
    """Of the instance and run that the claim was for."""
    instance: str
    run: str


class Left(msgspec.Struct, frozen=True, array_like=True):
    """A leave."""

    digest: bytes
    """Of the instance and run."""
    number: int
    """Of the leave: joins with lower ones came before it."""
    at: float


class Reached(msgspec.Struct, frozen=True, array_like=True):
    """A fan-out of a client, or of a command, that has ended."""

    digest: bytes
    """Of its id."""
    count: int
    """To how many it was sent."""


class TagState(msgspec.Struct, frozen=True, array_like=True, omit_defaults=True):
    """What a tag knows between its turns."""

    joined: int = 0
    """The highest join number given away."""
    count: int = 0
    """Members."""
    holder: Who | None = None
    """Who holds the tag as a unique one."""
    fans: tuple[Fan, ...] = ()
    """Under way (the first) and waiting."""
    recent: bytes = b""
    """Digests of the last fan-outs."""
    decided: tuple[Decision, ...] = ()
    """Claims, oldest first."""
    _asked: tuple[int, ...] = ()
    """Not used any more."""
    lingers: float = 0.0
    """A refused claim may be delivered again until then, so the tag stays even if it is empty; 0 is not."""
    _doubtful: tuple[int, ...] = ()
    """Not used any more."""
    left: tuple[Left, ...] = ()
    """The last leaves, oldest first."""
    forgot: float = 0.0
    """A message that was sent after it and has no leave of its member in `left` is none's late copy."""
    reached: tuple[Reached, ...] = ()
    """The last fan-outs whose callers were told a count, oldest first."""

    @property
    def empty(self) -> bool:
        """Tell whether nothing would be lost with the tag."""
        return not self.count and self.holder is None and not self.fans and not self.lingers


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(TagState)


def who_digest(who: Who) -> bytes:
    """Return the bytes under which a tag remembers somebody."""
    return message_digest("\0".join(who))


def dump_state(state: TagState) -> bytes:
    """Return the bytes for the store."""
    return _encoder.encode(state)


def load_state(data: bytes) -> TagState:
    """Return the state in `data`; raises `DecodeError` for anything else."""
    try:
        return _decoder.decode(data)
    except (msgspec.DecodeError, ValueError, TypeError, RecursionError) as error:
        text = f"not the state of a tag: {error}"
        raise DecodeError(text) from error


def fan_size(fan: Fan) -> int:
    """Return the bytes that a fan-out takes in the state, and about the bytes of one copy."""
    return len(_encoder.encode(fan))


def remembers(recent: bytes, digest: bytes) -> bool:
    """Tell whether a digest is among `recent`."""
    at = recent.find(digest)
    while at >= 0 and at % _DIGEST:  # a match across two digests
        at = recent.find(digest, at + 1)
    return at >= 0


def remember(recent: bytes, digest: bytes) -> bytes:
    """Return `recent` with one digest more, without the oldest above the bound."""
    return (recent + digest)[-REMEMBERED * _DIGEST :]
