"""What becomes of bodies that the broker does not take: dead letters, and word to whoever waits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from leveret_actors.service.report import failed, report
from leveret_actors.store.contract import DeadLetter, Outgoing
from leveret_broker.address import EventTopic
from leveret_broker.envelope import Answer, ClientCaller, Ended, Envelope, Task, WorkflowCaller, decode, encode
from leveret_broker.ids import letter_id, sequence_key
from leveret_broker.outcome import NOT_SENT, Failed, Failure

if TYPE_CHECKING:
    from leveret_broker.envelope import Caller
    from leveret_broker.outcome import Outcome


def dead_letter(item: Outgoing, reason: str, at: float) -> DeadLetter:
    """Return what is kept of a body that nobody will get."""
    envelope = _envelope(item)
    number = letter_id(item.body if envelope is None else envelope.id.encode(), reason)
    return DeadLetter(id=number, at=at, source=item.source or str(item.address), reason=reason, body=item.body)


def news(item: Outgoing, reason: str, at: float) -> Outgoing | None:
    """Return what tells whoever waits for a body, or for what it would bring; None when nobody does."""
    envelope = _envelope(item)
    if envelope is None:
        return None
    message = envelope.message
    outcome = Failed(Failure(NOT_SENT, f"{type(message).__name__.lower()}: {reason}", where={"reason": reason}))
    if isinstance(message, Ended | Answer):
        if _is_news(message.outcome):
            return None
        shorter = msgspec.structs.replace(message, outcome=outcome)
        return Outgoing(item.address, encode(msgspec.structs.replace(envelope, message=shorter)))
    if isinstance(message, Task):
        text = f"task {message.service}.{message.name} was {reason}"
        told = report(message, failed(message, NOT_SENT, text, reason=reason), "", at)
        return None if told is None else Outgoing(*told)
    caller: Caller | None = getattr(message, "caller", None)
    if isinstance(caller, ClientCaller):
        return Outgoing(caller.address, encode(Envelope(caller.request, "", Answer(outcome), sent=at)))
    if isinstance(caller, WorkflowCaller):
        number = sequence_key(f"{caller.run}.{caller.number}.not-sent", caller.sequence)
        ended = Ended(caller.number, outcome, sequence=caller.sequence)
        return Outgoing(caller.queue, encode(Envelope(number, caller.instance, ended, caller.run, at)))
    return None


def _envelope(item: Outgoing) -> Envelope | None:
    """Return what is in a body; None for an event."""
    return None if isinstance(item.address, EventTopic) else decode(item.body)


def _is_news(outcome: Outcome) -> bool:
    return isinstance(outcome, Failed) and outcome.failure.type == NOT_SENT
