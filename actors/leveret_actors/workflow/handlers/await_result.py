"""`AwaitResult`: answer with the outcome, now or when there is one."""

from __future__ import annotations

from leveret_actors.workflow import posts
from leveret_actors.workflow.asking import MAIN
from leveret_actors.workflow.draft import Draft
from leveret_actors.workflow.handlers.call import is_open, unknown
from leveret_actors.workflow.journal import ResultAwaited
from leveret_actors.workflow.live import Live
from leveret_actors.workflow.past import outcome_of
from leveret_broker.envelope import AwaitResult, Caller, Envelope
from leveret_broker.ids import message_digest
from leveret_broker.outcome import Unknown


def await_result(draft: Draft, envelope: Envelope, message: AwaitResult) -> None:
    """Answer at once for what has ended or never was."""
    live = draft.there
    is_other_run = live is not None and envelope.run not in {"", live.state.run}
    if live is not None and not is_other_run and message.method not in {"", MAIN}:
        _await_method(draft, live, envelope, message)
    elif live is None or is_other_run:
        where = {"workflow": draft.kind, "instance": draft.actor, "run": envelope.run, "method": message.method}
        where = {name: value for name, value in where.items() if value}
        draft.posts.append(posts.answer(message.caller, Unknown(where), envelope.run, draft.at))
    else:
        await_outcome(draft, live, envelope, message.caller)


def _await_method(draft: Draft, live: Live, envelope: Envelope, message: AwaitResult) -> None:
    if not live.state.is_closed and is_open(draft, live, message.method):
        draft.accept(ResultAwaited(message.caller, message_digest(envelope.id), message.method), envelope)
        return
    past = outcome_of(draft, envelope, message.method)
    reason = "no such method was called" if not live.state.folded else "its result is not kept, or it was not called"
    outcome = past or unknown(draft, message.method, reason)
    draft.posts.append(posts.answer(message.caller, outcome, live.state.run, draft.at))


def await_outcome(draft: Draft, live: Live, envelope: Envelope, caller: Caller) -> None:
    """Answer, or register the caller."""
    if live.state.outcome is not None and not draft.rewound:
        draft.posts.append(posts.answer(caller, live.state.outcome, live.state.run, draft.at))
    else:
        draft.accept(ResultAwaited(caller, message_digest(envelope.id)), envelope)
