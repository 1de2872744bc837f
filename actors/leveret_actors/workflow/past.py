"""What only the journal remembers: outcomes of methods that ended long ago, or in a run that is closed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from leveret_actors.actor import Inbox
from leveret_actors.workflow import journal, state
from leveret_actors.workflow.asking import MAIN
from leveret_actors.workflow.draft import Draft
from leveret_actors.workflow.journal import Kept, MethodEnded
from leveret_actors.workflow.live import Live
from leveret_broker.address import MailboxQueue
from leveret_broker.envelope import AwaitResult, Call, Envelope, Query, RetryTasks, RetryWorkflow
from leveret_broker.errors import DecodeError
from leveret_broker.ids import message_digest, method_id
from leveret_broker.outcome import Failed, Outcome

ReadJournal = Callable[[MailboxQueue, str, int, int], Awaitable[list[bytes]]]
"""`Store.read_journal`."""

PAGE: Final = 1000
"""Records that are read at once."""


async def whole_journal(read: ReadJournal, queue: MailboxQueue, actor: str) -> list[bytes]:
    """Return all records of an actor."""
    records: list[bytes] = []
    while True:
        page = await read(queue, actor, len(records), PAGE)
        records += page
        if len(page) < PAGE:
            return records


def needs_journal(inbox: Inbox, envelope: Envelope) -> bool:
    """Tell whether a message asks for a method that only the journal may remember."""
    message = envelope.message
    if isinstance(message, Query):
        return is_closed(inbox)
    if isinstance(message, AwaitResult):
        if message.method in {"", MAIN} or any(method_id(other.id) == message.method for other in inbox.envelopes):
            return False
        identity = message.method
    elif isinstance(message, Call):
        identity = method_id(envelope.id)
    elif isinstance(message, RetryTasks | RetryWorkflow):
        return inbox.live is not None and any(isinstance(end.outcome, Failed) for end in inbox.live.ended.values())
    else:
        return False
    live: Live | None = inbox.live
    if live is not None:
        if identity in live.calls or identity in live.ended:
            return False
        return isinstance(message, AwaitResult) or message_digest(envelope.id) in live.seen
    return is_closed(inbox)


def is_closed(inbox: Inbox) -> bool:
    """Tell whether the actor is a closed run: its journal was not loaded with it."""
    if inbox.record is None:
        return False
    try:
        return state.decode(inbox.record.state).is_closed
    except Exception:  # damage, which the turn finds as well
        return False


def records_of(draft: Draft, envelope: Envelope) -> Sequence[bytes]:
    """Return the journal that was read for a message, or loaded with the actor; empty when it is not at hand."""
    prepared: dict[str, list[bytes]] | None = draft.inbox.prepared
    if prepared and prepared.get(envelope.id):
        return prepared[envelope.id]
    return () if draft.inbox.record is None else draft.inbox.record.journal


def outcome_of(draft: Draft, envelope: Envelope, identity: str) -> Outcome | None:
    """Return how a method ended; None for one that has not, or is not known."""
    if draft.live is not None and identity in draft.live.ended:
        return draft.live.ended[identity].outcome
    found: Outcome | None = None  # the last one: a method that was resumed has ended twice
    for data in records_of(draft, envelope):
        try:
            record = journal.decode(data)
        except DecodeError:
            continue
        ended: Sequence[MethodEnded | Kept] = record.ended if record.folded is None else record.folded.kept
        for end in ended:
            if end.id == identity:
                found = end.outcome
    return found
