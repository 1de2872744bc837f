"""What verbs and tags answer, to clients and to workflows that wait: the same words on two ways.

A workflow gets it as the outcome of its command. It holds nothing of the user that a client would not get as plain, so
it is encoded without the payload codec, which tags do not have.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TypeAlias

from leveret.failure import refused
from leveret.verbs import done_by_tag
from leveret_actors.actor import Post
from leveret_broker.codec import Codec
from leveret_broker.envelope import (
    Caller,
    ClientCaller,
    Description,
    Done,
    Ended,
    Envelope,
    Fanned,
    Message,
    Refused,
    WorkflowCaller,
)
from leveret_broker.ids import sequence_key
from leveret_broker.outcome import Completed, Failed, Outcome, Unknown

Reply: TypeAlias = Done | Description | Fanned | Refused

_codec: Final = Codec(limit=64 * 1024 * 1024)
"""Descriptions are bounded where they are made."""


def done(caller: WorkflowCaller, at: float) -> Post:
    """Return the word to a workflow that what it asked for is done: its command ends with `None`."""
    ended = Ended(caller.number, Completed(_codec.dump(None)), sequence=caller.sequence)
    return Post(caller.queue, Envelope(f"{caller.run}.{caller.number}.d", caller.instance, ended, caller.run, at))


def told(caller: Caller, message: Reply, where: Mapping[str, str], request: str, at: float) -> Post:
    """Return an answer to the message with the id `request`; `where` names who was asked."""
    if isinstance(caller, ClientCaller):
        return Post(caller.address, Envelope(caller.request, "", message, sent=at))
    ended: Message = Ended(caller.number, _outcome(message, dict(where)), sequence=caller.sequence)
    message_id = sequence_key(f"{caller.run}.{caller.number}.{request}.e", caller.sequence)
    return Post(caller.queue, Envelope(message_id, caller.instance, ended, run=caller.run, sent=at))


def _outcome(message: Reply, where: dict[str, str]) -> Outcome:
    match message:
        case Refused(kind, text):
            return Failed(refused(kind, text, where))
        case Done(found=False) | Description(found=False):
            return Unknown(where)
        case Fanned(again=True):
            return Completed(_codec.dump(Done(True, 0, "this message came before, and was sent")))
        case Fanned(members):
            return Completed(_codec.dump(done_by_tag(members)))
        case Done() | Description():
            return Completed(_codec.dump(message))


def found_somebody(outcome: Outcome) -> bool:
    """Tell whether a request reached anybody, now or when it came before, as a workflow that waits is told."""
    return isinstance(outcome, Completed) and bool(_codec.load(outcome.value, Done).found)
