"""`Call`: a method of a running instance beside what runs; not served yet."""

from __future__ import annotations

from leveret_actors.workflow import posts
from leveret_actors.workflow.draft import Draft
from leveret_broker.envelope import Call, ClientCaller, Envelope, Refused
from leveret_broker.outcome import Failed, Failure

_TEXT = "methods of running instances cannot be called yet: send a signal"


def call(draft: Draft, envelope: Envelope, message: Call) -> None:
    """Say so to whoever waits; set the call aside when nobody does."""
    if isinstance(message.caller, ClientCaller):
        draft.reply(message.caller, Refused("not_supported", _TEXT))
    elif message.caller is not None:
        where = {"workflow": draft.kind, "instance": draft.actor, "method": message.method}
        failure = Failure("NotImplementedError", _TEXT, where=where)
        draft.posts.append(posts.answer(message.caller, Failed(failure), envelope.run, draft.at))
    else:
        draft.dead_letter(envelope, _TEXT)
