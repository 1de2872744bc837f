"""One message kind, one file, one function that notes in the draft what the message means."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from msgspec.structs import replace

from leveret_actors.workflow.draft import Draft
from leveret_actors.workflow.handlers.await_result import await_result
from leveret_actors.workflow.handlers.call import call
from leveret_actors.workflow.handlers.cancel import cancel
from leveret_actors.workflow.handlers.complete_timers import complete_timers
from leveret_actors.workflow.handlers.describe import describe
from leveret_actors.workflow.handlers.ended import ended
from leveret_actors.workflow.handlers.probe import probe
from leveret_actors.workflow.handlers.query import query
from leveret_actors.workflow.handlers.read_history import read_history
from leveret_actors.workflow.handlers.retry_tasks import retry_tasks
from leveret_actors.workflow.handlers.retry_workflow import retry_workflow
from leveret_actors.workflow.handlers.signal import signal
from leveret_actors.workflow.handlers.start import start
from leveret_broker.envelope import (
    AwaitResult,
    Call,
    Cancel,
    CompleteTimers,
    Describe,
    Ended,
    Envelope,
    Message,
    Probe,
    Query,
    ReadHistory,
    RetryTasks,
    RetryWorkflow,
    Signal,
    Start,
    Wake,
)


def wake(_draft: Draft, _envelope: Envelope, _message: Wake) -> None:
    """Do nothing: its arrival was the point."""


_HANDLERS: Final[dict[type, Callable[[Draft, Envelope, Any], None]]] = {
    Start: start,
    Signal: signal,
    Ended: ended,
    Call: call,
    Query: query,
    Cancel: cancel,
    RetryTasks: retry_tasks,
    RetryWorkflow: retry_workflow,
    CompleteTimers: complete_timers,
    AwaitResult: await_result,
    Describe: describe,
    ReadHistory: read_history,
    Probe: probe,
    Wake: wake,
}

_ANY_RUN = (Start, Call, Query, AwaitResult, Describe, ReadHistory, Probe)
"""They say themselves what another run means; everything else is dropped then."""


_VERBS = (Cancel, RetryTasks, RetryWorkflow, CompleteTimers)
"""Who carries them out says what was done, also when that is nothing."""


def _outlives_its_run(message: Message) -> bool:
    """Tell whether a message goes on to the next run: all do but those about commands, whose numbers begin anew."""
    return not (isinstance(message, Ended) or (isinstance(message, Cancel) and message.number >= 0))


def handle(draft: Draft, envelope: Envelope) -> None:
    """Note what an envelope means."""
    handler = _HANDLERS.get(type(envelope.message))
    if handler is None:
        draft.dead_letter(envelope, f"an instance has no use for a {type(envelope.message).__name__}")
        return
    live = draft.there
    if live is not None and live.state.goes_on_from(envelope.run) and _outlives_its_run(envelope.message):
        envelope = replace(envelope, run=live.state.run)
    is_other_run = live is not None and envelope.run not in {"", live.state.run}
    if not is_other_run or isinstance(envelope.message, _ANY_RUN):
        handler(draft, envelope, envelope.message)
    elif isinstance(envelope.message, _VERBS):
        draft.tell(envelope, 0, "the instance has another run now", found=False)
