"""`Call`: a method of the class, to run beside what runs."""

from __future__ import annotations

from leveret_actors.workflow import posts
from leveret_actors.workflow.draft import Draft
from leveret_actors.workflow.journal import Called, ResultAwaited
from leveret_actors.workflow.live import Live
from leveret_actors.workflow.parking import park
from leveret_actors.workflow.past import outcome_of
from leveret_broker.envelope import Call, Caller, Envelope
from leveret_broker.ids import message_digest, method_id
from leveret_broker.outcome import Outcome, Unknown


def call(draft: Draft, envelope: Envelope, message: Call) -> None:
    """Accept it for an open instance, park a patient one for an instance to come, refuse it otherwise."""
    event = Called(message.method, message.arguments, message_digest(envelope.id), message.caller)
    live = draft.there
    if live is None:
        if not (message.patient and park(draft, event)):
            draft.passed.append(event.digest)
            _answer(draft, envelope, message, unknown(draft, message.method))
    elif envelope.run not in {"", live.state.run}:
        _answer(draft, envelope, message, unknown(draft, message.method, "this run is over"))
    elif live.state.is_closed:
        past = outcome_of(draft, envelope, event.id)
        _answer(draft, envelope, message, past or unknown(draft, message.method, f"it is {live.state.status}"))
        draft.passed.append(event.digest)
    elif event.id in live.calls or not draft.accept(event, envelope):
        _again(draft, live, envelope, event)


def _again(draft: Draft, live: Live, envelope: Envelope, event: Called) -> None:
    """Answer a second delivery when the method has ended; else add its caller to those that wait."""
    caller = event.caller
    if caller is None:
        return
    past = outcome_of(draft, envelope, event.id)
    if past is not None:
        draft.posts.append(posts.answer(caller, past, live.state.run, draft.at))
    elif not is_open(draft, live, event.id):
        outcome = unknown(draft, event.method, "this call came before and was carried out; its result is not kept")
        draft.posts.append(posts.answer(caller, outcome, live.state.run, draft.at))
    elif caller not in waiting(draft, live, event.id):
        digest = message_digest(f"{envelope.id} {caller}")
        draft.accept(ResultAwaited(caller, digest, event.id), envelope)


def waiting(draft: Draft, live: Live, identity: str) -> list[Caller | None]:
    """Return who waits for a method; raises nothing for one that is not there."""
    open_call = live.calls.get(identity)
    new = [event.caller for event in draft.events if isinstance(event, Called) and event.id == identity]
    return new if open_call is None else [*open_call.waiters, *new]


def is_open(draft: Draft, live: Live, identity: str) -> bool:
    """Tell whether a method was called and has not ended."""
    return identity in live.calls or any(isinstance(event, Called) and event.id == identity for event in draft.events)


def unknown(draft: Draft, method: str, reason: str = "") -> Unknown:
    """Return the outcome of a call that finds nobody."""
    where = {"workflow": draft.kind, "instance": draft.actor, "method": method, "reason": reason}
    return Unknown({name: value for name, value in where.items() if value})


def _answer(draft: Draft, envelope: Envelope, message: Call, outcome: Outcome) -> None:
    if message.caller is not None:
        draft.posts.append(posts.answer(message.caller, outcome, method_id(envelope.id), draft.at))
