"""`Start`: begin a run, or find one."""

from __future__ import annotations

from leveret_actors.workflow import posts
from leveret_actors.workflow.draft import Draft
from leveret_actors.workflow.handlers.await_result import await_outcome
from leveret_actors.workflow.joining import leave_tags
from leveret_actors.workflow.journal import Begun, ResultAwaited
from leveret_actors.workflow.live import Live
from leveret_broker.envelope import ClientCaller, Envelope, Refused, Start, Started
from leveret_broker.ids import message_digest, run_of
from leveret_broker.messages.tag import BEGINS_NOTHING, FOR_GOOD
from leveret_broker.outcome import Failed, Failure, Unknown


def start(draft: Draft, envelope: Envelope, message: Start) -> None:
    """Begin, unless an open run, or a closed one, is to be kept."""
    run = run_of(draft.kind, draft.actor, envelope.id)
    live = draft.there
    if live is None:
        _begin(draft, envelope, message, run)
    elif live.state.run == run or live.state.goes_on_from(run):
        _again(draft, live, envelope, message)
        if live.state.is_closed:
            _leave(draft, message, live.state.tag_run)
    elif bytes.fromhex(run) in live.state.starts:
        _earlier(draft, message, run)
        _leave(draft, message, run)
    else:
        wanted = message.on_closed if live.state.is_closed else message.on_conflict
        if wanted == "fail":
            _refuse(draft, live, message)
            _leave(draft, message, run, BEGINS_NOTHING)
        elif wanted == "new" and live.state.is_closed:
            _begin(draft, envelope, message, run)
        else:
            _existing(draft, live, envelope, message)
            _leave(draft, message, run, BEGINS_NOTHING)


def _leave(draft: Draft, message: Start, run: str, number: int = FOR_GOOD) -> None:
    """Take back what the sender of a start has joined already, of a run that has ended or does not begin."""
    draft.posts.extend(leave_tags(draft.kind, draft.actor, run, message, draft.at, number))


def _begin(draft: Draft, envelope: Envelope, message: Start, run: str) -> None:
    begun = Begun(
        run,
        message.method,
        message.arguments,
        message_digest(envelope.id),
        tags=message.tags,
        unique_tag=message.unique_tag,
        meta=message.meta,
        caller=message.caller,
        parent=message.parent,
        timeout=message.timeout,
        version=message.version,
        passed=tuple(draft.passed),
    )
    draft.begin(begun)
    draft.reply(message.acknowledge, Started(draft.actor, run, new=True))


def _again(draft: Draft, live: Live, envelope: Envelope, message: Start) -> None:
    """Answer the same message once more; who waits is registered since the first time, unless it is somebody else."""
    draft.reply(message.acknowledge, Started(draft.actor, live.state.tag_run, new=True))
    caller = message.caller
    if caller is None:
        return
    if live.state.outcome is not None and not draft.rewound:
        draft.posts.append(posts.answer(caller, live.state.outcome, live.state.run, draft.at))
    elif caller not in live.waiters and not any(
        isinstance(one, Begun) and one.caller == caller for one in draft.events
    ):
        draft.accept(ResultAwaited(caller, message_digest(f"{envelope.id} {caller}")), envelope)


def _earlier(draft: Draft, message: Start, run: str) -> None:
    """Answer a late second delivery of an earlier run's start; the later run's outcome is not for it."""
    draft.reply(message.acknowledge, Started(draft.actor, run, new=True))
    if message.caller is not None:
        where = {"workflow": draft.kind, "instance": draft.actor, "run": run}
        draft.posts.append(posts.answer(message.caller, Unknown(where), run, draft.at))


def _existing(draft: Draft, live: Live, envelope: Envelope, message: Start) -> None:
    draft.reply(message.acknowledge, Started(draft.actor, live.state.tag_run, new=False))
    if message.caller is not None:
        await_outcome(draft, live, envelope, message.caller)


def _refuse(draft: Draft, live: Live, message: Start) -> None:
    text = f"{draft.kind} {draft.actor!r} has already been started (run {live.state.run})"
    draft.reply(message.acknowledge, Started(draft.actor, live.state.run, new=False, conflict=True))
    if isinstance(message.caller, ClientCaller):
        draft.reply(message.caller, Refused("already_started", text))
    elif message.caller is not None:
        where = {"workflow": draft.kind, "instance": draft.actor, "run": live.state.run, "reason": "conflict"}
        failure = Failure("leveret.errors.WorkflowAlreadyStarted", text, where=where)
        draft.posts.append(posts.answer(message.caller, Failed(failure), live.state.run, draft.at))
