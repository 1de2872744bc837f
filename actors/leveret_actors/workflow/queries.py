"""Queries: read-only methods, on the live object with all commands refused, or on one rebuilt from the journal."""

from __future__ import annotations

import inspect
from typing import Any, cast

import msgspec

from leveret.deferred import Combinable
from leveret.errors import MustOnlyRead
from leveret.failure import failure_of
from leveret.runtime import Runtime, stepping
from leveret.workflow import Channel
from leveret_actors.workflow import journal, posts, state
from leveret_actors.workflow.course import course_of
from leveret_actors.workflow.draft import Draft
from leveret_actors.workflow.instance import Instance, Stuck
from leveret_actors.workflow.intercepting import query_run
from leveret_actors.workflow.live import Live
from leveret_actors.workflow.past import records_of
from leveret_actors.workflow.reading import ReadOnly
from leveret_actors.workflow.replay import revive
from leveret_broker.codec import Payload
from leveret_broker.envelope import Envelope, Query
from leveret_broker.outcome import Completed, Failed, Outcome


def answer(draft: Draft, live: Live) -> bool:
    """Answer this turn's queries; False when the live object cannot be shown to be what the journal makes of it.

    Whether a query changed something is told by the encoded properties, before and after. What cannot be encoded
    (locks, tasks) proves nothing: the live object is dropped then, and the next turn replays the journal.
    """
    is_as_journalled = True
    for envelope, message in draft.queries:
        outcome: Outcome
        try:
            if live.instance is not None and live.state.status != state.BLOCKED:
                outcome, unchanged = _ask(live.instance, message)
                is_as_journalled = is_as_journalled and unchanged
            else:
                outcome = _ask_rebuilt(draft, live, envelope, message)
        except Exception as error:  # Stuck, or damage
            outcome = Failed(failure_of(error, where=_where(draft.kind, draft.actor, message)))
        draft.posts.append(posts.answer(message.caller, outcome, envelope.id, draft.at))
    draft.queries.clear()
    return is_as_journalled


def _ask_rebuilt(draft: Draft, live: Live, envelope: Envelope, message: Query) -> Outcome:
    if live.state.status == state.BLOCKED:
        raise Stuck(f"the instance is blocked: {live.state.reason}")
    records = records_of(draft, envelope)
    if not records:
        raise Stuck("the journal is not at hand: ask again")
    turns = [journal.decode(record) for record in records]
    past = Live(live.state, draft.house.seen())
    for turn in turns:
        past.journal(turn)
    instance = draft.house.instance(draft.actor, past)
    try:
        revive(instance, course_of(turns).turns)
        return _ask(instance, message)[0]
    finally:
        instance.close()


def _ask(instance: Instance, message: Query) -> tuple[Outcome, bool]:
    """Return the outcome, and whether the instance is as it was."""
    name = f"{instance.definition.name}.{message.method}"
    where = _where(instance.definition.name, instance.key, message)
    before = _portrait(instance)
    try:
        value = _read(instance, message, name)
    except BaseException as error:  # the user's code: its caller gets what it raised
        return Failed(failure_of(error, instance.codec, where)), before is not None and before == _portrait(instance)
    after = _portrait(instance)
    if before != after:
        text = f"query {name} must only read: it changed properties of the instance"
        return Failed(failure_of(MustOnlyRead(text), instance.codec, where)), False
    return Completed(value), before is not None


def _read(instance: Instance, message: Query, name: str) -> Payload:
    query = instance.definition.queries.get(message.method)
    if query is None:
        raise LookupError(f"{name} is no query; there are {sorted(instance.definition.queries)}")
    args, kwargs = query.signature.load(instance.codec, message.arguments)
    reader = ReadOnly(instance, f"query {name}")
    runtime: Runtime = reader
    with stepping(runtime):
        result = query_run(instance, query.name, getattr(instance.subject, query.attribute), args, kwargs)
    if inspect.iscoroutine(result):
        result.close()
        raise MustOnlyRead(f"query {name} must only read: it returned something to await")
    if reader.violated:
        raise MustOnlyRead(reader.violated)
    return instance.codec.dump(result)


def _portrait(instance: Instance) -> bytes | None:
    """Return the properties, encoded; None when that says nothing about them."""
    try:
        properties = cast("dict[str, Any]", vars(instance.subject))
        return _encoder.encode({name: value for name, value in properties.items() if not isinstance(value, Channel)})
    except Exception:  # whatever the user keeps there
        return None


def _encode(value: object) -> object:
    if isinstance(value, Combinable):
        return value.status
    raise NotImplementedError


_encoder = msgspec.msgpack.Encoder(enc_hook=_encode)


def _where(workflow: str, instance: str, message: Query) -> dict[str, str]:
    return {"workflow": workflow, "instance": instance, "method": message.method}
