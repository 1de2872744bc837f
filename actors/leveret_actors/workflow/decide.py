"""One turn of one instance: drop what the journal has, append the events, run the code once, collect what it wants."""

from __future__ import annotations

from dataclasses import replace

import msgspec

from leveret_actors.actor import Inbox, Turn
from leveret_actors.answers import told
from leveret_actors.store.contract import ActorWrite, Timer
from leveret_actors.workflow import (
    closing,
    folding,
    forgetting,
    journal,
    lengths,
    parking,
    queries,
    renewing,
    sending,
    state,
    tagging,
    task_tags,
    verbs,
)
from leveret_actors.workflow.applying import take_turn
from leveret_actors.workflow.bounds import REASON_LIMIT, readable
from leveret_actors.workflow.draft import Draft
from leveret_actors.workflow.handlers import handle
from leveret_actors.workflow.house import House
from leveret_actors.workflow.instance import Emission, Stuck
from leveret_actors.workflow.journal import (
    Command,
    CommandEnded,
    GivenUp,
    MethodEnded,
    Record,
    SignalAccepted,
    TimerFired,
)
from leveret_actors.workflow.live import Live
from leveret_broker.address import MailboxQueue
from leveret_broker.envelope import Caller, Envelope, Refused, Signal
from leveret_broker.outcome import Failed, Outcome


def decide(house: House, queue: MailboxQueue, inbox: Inbox, clock: float) -> Turn:
    """Take the turn."""
    draft = Draft(house, queue, inbox, clock)
    turn = _decide(draft, inbox)
    if told_of := draft.teller.told(draft.live):
        turn = replace(turn, posts=(*turn.posts, *told_of))
    if not draft.done and not draft.exhumed:
        return turn
    return replace(turn, posts=(*turn.posts, *verbs.told(draft)), exhumed=tuple(draft.exhumed))


def _decide(draft: Draft, inbox: Inbox) -> Turn:
    if draft.unreadable:
        return _set_aside(draft)
    for timer in inbox.timers:
        _accept_timer(draft, timer)
    for envelope in inbox.envelopes:
        try:
            handle(draft, envelope)
        except Exception as error:  # a message that nobody foresaw: set aside alone, the others of the batch go on
            draft.dead_letter(envelope, f"its handler raised {error!r}")
    _prefer_results(draft)
    live = draft.live
    if live is None:
        return Turn(write=_forget_timers(draft), posts=tuple(draft.posts))
    if live.state.status == state.AWAITED:
        return _wait_for_start(draft, live)
    if draft.forgets and not draft.events:
        return forgetting.forget(draft, live)
    if live.state.is_closed and not draft.events:
        queries.answer(draft, live)
        return Turn(write=_write(draft, live) if draft.removed else None, posts=tuple(draft.posts))
    return _run(draft, live)


# -- actors without code --------------------------------------------------------------------------------------------


def _set_aside(draft: Draft) -> Turn:
    """Leave alone what cannot be read, and let the messages be looked at by somebody."""
    record = draft.inbox.record
    assert record is not None
    for envelope in draft.inbox.envelopes:
        draft.dead_letter(envelope, draft.unreadable)
        caller: Caller | None = getattr(envelope.message, "caller", None)
        if caller is not None:
            refused = Refused("unreadable", draft.unreadable)
            draft.posts.append(told(caller, refused, {"instance": draft.actor}, envelope.id, draft.at))
    write = ActorWrite(
        actor=draft.actor, run="", status=state.BLOCKED, state=record.state, timers_removed=tuple(draft.removed)
    )
    return Turn(write=write if draft.removed else None, posts=tuple(draft.posts))


def _forget_timers(draft: Draft) -> ActorWrite | None:
    """Take timers off that belong to an actor that is not there any more."""
    if not draft.removed:
        return None
    return ActorWrite(actor=draft.actor, run="", status="", state=b"", delete=True, timers_removed=tuple(draft.removed))


def _accept_timer(draft: Draft, timer: Timer) -> None:
    live = draft.live
    if live is None or live.state.is_closed or timer.run != live.state.run:
        return
    if live.state.status == state.AWAITED:
        parking.give_up(draft, live)
        return
    if timer.number == forgetting.NUMBER:
        draft.forgets = live.state.status == state.FAILED
        return
    if timer.number and live.instance is not None and timer.number not in live.instance.operations.pending:
        return
    draft.events.append(TimerFired(timer.number))


def _prefer_results(draft: Draft) -> None:
    """Drop the contract timeout of a task whose worker had ended it in time: both waited for the node to come back.

    Only code that runs can tell that a result is for the task's present life.
    """
    if not draft.inbox.timers or draft.live is None or draft.live.instance is None:
        return
    sent = {
        event.number: draft.origins[event.digest].sent
        for event in draft.events
        if isinstance(event, CommandEnded) and event.digest in draft.origins
    }
    early = {timer.number for timer in draft.inbox.timers if 0 < sent.get(timer.number, 0.0) <= timer.at}
    draft.events = [one for one in draft.events if not (isinstance(one, TimerFired) and one.number in early)]


def _wait_for_start(draft: Draft, live: Live) -> Turn:
    """Keep patient signals; there are few, so they are written anew each time."""
    if not draft.rewrites:
        return Turn(write=_write(draft, live) if draft.removed else None, posts=tuple(draft.posts))
    if not live.parked:
        write = ActorWrite(
            actor=draft.actor, run="", status="", state=b"", delete=True, timers_removed=(*draft.removed, ("", 0))
        )
        return Turn(write=write, posts=tuple(draft.posts))
    records = [
        journal.encode(Record(number, at, 0, (event,), ran=False))
        for number, (at, event) in enumerate(live.parked, start=1)
    ]
    draft.replaces = True
    draft.removed.pop(("", 0), None)
    draft.timers.append(Timer(draft.actor, "", 0, live.parked[0][0] + draft.house.settings.patience))
    live.state.records, live.state.journal_bytes = len(records), sum(map(len, records))
    live.state.updated = draft.at
    return Turn(write=_write(draft, live, tuple(records)), posts=tuple(draft.posts))


# -- running ----------------------------------------------------------------------------------------------------------


def _run(draft: Draft, live: Live) -> Turn:
    emission: Emission | None = None
    outcome: Outcome | None = None
    if draft.inbox.give_up:
        draft.events.append(GivenUp(draft.inbox.give_up))
        _stop(live)
    elif (outcome := verbs.ended_without_code(draft, live)) is None and (
        live.state.status != state.FAILED or draft.rewound
    ):
        emission = _step(draft, live)
    if emission is not None and emission.renewal is not None:
        emission = renewing.last_words(live, emission)
    if emission is not None:
        outcome = emission.outcome
    elif closing.main_has_ended(live):
        outcome = None
    record: Record | None = None
    if draft.events or emission is not None:
        record = _record(draft, live, emission, outcome)
        draft.teller.journalled(record, emission, draft.origins, live)
        live.state.entries += record.entries
    if live.instance is not None and emission is not None:
        _send(draft, live, emission)
    if record is not None and emission is not None and emission.renewal is not None:
        draft.teller.ended(record, live)
        closing.end_others(draft, live, record)
        queries.answer(draft, live)
        following = renewing.begin_next(draft, live, emission.renewal)
        _stop(live)
        return _turn(draft, following, (journal.encode(renewing.first_record(draft, following)),))
    _set_status(draft, live, emission)
    if outcome is not None:
        closing.end_main(draft, live, outcome)
    if record is not None:
        draft.teller.ended(record, live)
        closing.end_others(draft, live, record)
    if closing.is_over(live):
        closing.close(draft, live, emission)
    if record is not None and emission is not None:
        record = _followed(draft, live, record)
    append = () if record is None else (journal.encode(record),)
    return _turn(draft, live, append)


def _followed(draft: Draft, live: Live, record: Record) -> Record:
    """Return what the journal gets: this turn, or a fold of it and those before."""
    if live.instance is None:
        return record
    live.instance.tail.follow(record)
    return folding.fold(draft, live, record) or record


def _step(draft: Draft, live: Live) -> Emission | None:
    """Run the code, if there is something to run; None when there is not, or it cannot."""
    events = [*live.unrun, *draft.events]
    verbs.note_retries(draft, live)
    if draft.rewound:
        draft.revive(live)
        events = draft.course().unrun
    elif live.instance is None and not draft.stuck:
        try:
            live.instance = draft.house.instance(draft.actor, live)
        except Stuck as stuck:
            draft.stuck = str(stuck)
    instance = live.instance
    if instance is None or not (events or live.state.status == state.BLOCKED):
        return None
    draft.teller.steps(instance, draft.seen_before_rewind())
    try:
        return take_turn(instance, draft.at, events)
    except BaseException as error:  # Stuck, or what nobody foresaw: no wrong result, nothing sent, the node goes on
        draft.stuck = str(error) if isinstance(error, Stuck) else f"the engine broke: {error!r}"
        _stop(live)
        return None


def _stop(live: Live) -> None:
    if live.instance is not None:
        live.instance.close()
        live.instance = None


def _record(draft: Draft, live: Live, emission: Emission | None, outcome: Outcome | None) -> Record:
    version = 0
    commands: tuple[Command, ...] = ()
    if emission is not None:
        assert live.instance is not None
        definition = live.instance.definition
        version, strict = definition.version, definition.check == "strict"
        commands = tuple(operation.command(live.instance.codec, strict=strict) for operation in emission.issued)
    record = Record(
        live.state.records + 1,
        draft.at,
        version,
        tuple(draft.events),
        commands,
        outcome,
        ran=emission is not None,
        withdrawn=() if emission is None else tuple(operation.number for operation in emission.withdrawn),
    )
    live.journal(record)
    if emission is not None:
        return msgspec.structs.replace(record, ended=emission.ended)
    forced = verbs.ended_without_code(draft, live)
    if forced is not None:  # what had stood still ends with the main method
        return msgspec.structs.replace(record, ended=tuple(MethodEnded(identity, forced) for identity in live.calls))
    return record


def _send(draft: Draft, live: Live, emission: Emission) -> None:
    """Turn commands into posts, timers and revocations."""
    begun, instance = live.begun, live.instance
    assert begun is not None
    assert instance is not None
    timeout = instance.methods.main.timeout
    if not live.state.version and timeout > 0:
        draft.timers.append(Timer(draft.actor, begun.run, 0, live.state.started + timeout))
    for operation in emission.issued:
        draft.posts.extend(sending.posts_of(operation, instance, draft.queue, draft.at))
        if operation.due and operation.number in instance.operations.pending and not draft.rewinds:
            draft.timers.append(Timer(draft.actor, begun.run, operation.number, operation.due))
    tagging.change(draft, live, emission.issued)
    if emission.untagged:
        draft.posts.extend(task_tags.leave(emission.untagged, draft.kind, draft.actor, begun.run, draft.at))
    sending.call_off(draft, begun.run, emission.withdrawn)
    draft.removed.update(((begun.run, number), None) for number in emission.unset)
    verbs.send_again(draft, live, instance)
    for event, reason in emission.refused:
        draft.dead_letter(draft.origins.get(event.digest) or _rebuilt(draft, event), reason)


def _rebuilt(draft: Draft, event: SignalAccepted) -> Envelope:
    return Envelope(event.digest.hex(), draft.actor, Signal(event.channel, event.value), sent=draft.at)


def _set_status(draft: Draft, live: Live, emission: Emission | None) -> None:
    head = live.state
    if draft.inbox.give_up:
        head.status, head.reason, head.given_up = state.BLOCKED, draft.inbox.give_up, True
    elif emission is not None:
        assert live.instance is not None
        _reopen(head)
        head.status, head.reason, head.given_up = state.RUNNING, "", False
        head.version = live.instance.definition.version
        head.last_command = live.instance.operations.last
    elif draft.stuck and (head.status != state.FAILED or draft.rewound) and not head.given_up:
        _reopen(head)
        reason = readable(draft.stuck)[:REASON_LIMIT]
        draft.rewrites = draft.rewrites or (head.status, head.reason) != (state.BLOCKED, reason)
        head.status, head.reason = state.BLOCKED, reason


def _reopen(head: state.State) -> None:
    """Forget a failure; a main method that has ended otherwise, before other methods, has ended for good."""
    if isinstance(head.outcome, Failed):
        head.outcome, head.closed = None, 0.0


def _turn(draft: Draft, live: Live, append: tuple[bytes, ...]) -> Turn:
    head = live.state
    write: ActorWrite | None = None
    if append or draft.removed or draft.rewrites:
        head.updated = draft.at
        head.records += len(append)
        head.journal_bytes += sum(map(len, append))
        folding.weigh(live)
        write = _write(draft, live, append)
        lengths.warn(draft, live)
    is_as_journalled = queries.answer(draft, live)
    if head.status != state.RUNNING or not is_as_journalled or draft.reloads:
        _stop(live)
    return Turn(
        write=write,
        posts=tuple(draft.posts),
        revoked=tuple(draft.revoked),
        live=None if live.instance is None else live,
        size=live.size,
        more=draft.renews,
    )


def _write(draft: Draft, live: Live, append: tuple[bytes, ...] = ()) -> ActorWrite:
    head, settings = live.state, draft.house.settings
    expires = 0.0
    if head.is_closed:
        expires = head.closed + settings.retention
    failed_until = forgetting.schedule(draft, live)
    set_now = {(timer.run, timer.number) for timer in draft.timers}
    return ActorWrite(
        actor=draft.actor,
        run=head.run,
        status=head.status,
        state=state.encode(head),
        dropped=draft.dropped,
        append=append,
        new_run=draft.replaces,
        closed=head.is_closed,
        expires=expires or failed_until,
        stalled=draft.renews or (head.status == state.BLOCKED and not head.given_up),
        timers=tuple(draft.timers),
        timers_removed=tuple(key for key in draft.removed if key not in set_now),
    )
