"""Folding: one record in the place of those of finished methods."""

from __future__ import annotations

from typing import Final

import msgspec

from leveret_actors.workflow import attributes, state
from leveret_actors.workflow.draft import Draft
from leveret_actors.workflow.instance import Instance
from leveret_actors.workflow.journal import FOLDED_FORMAT, Folded, Kept, Record
from leveret_actors.workflow.live import Live
from leveret_actors.workflow.operations import RETRYABLE

KEPT_BYTES: Final = 1024 * 1024
"""Most bytes of outcomes that a fold keeps, for who asks again; `ENDED_KEPT` is their most."""


def fold(draft: Draft, live: Live, record: Record) -> Record | None:
    """Return what takes the place of this turn's record and of those before it that the draft then drops, if any."""
    instance, settings = live.instance, draft.house.settings
    if instance is None or live.state.status != state.RUNNING or not settings.fold_after:
        return None
    tail = instance.tail
    before, now = tail.before, instance.attributes()
    if tail.records < settings.fold_after or not tail.is_whole or before is None or now is None:
        return None
    changed = attributes.written(instance.definition.cls, before, now, instance.codec)
    if changed is None:
        return None
    folded = Folded(
        tail.turns,
        tail.since,
        dict(sorted(tail.calls.items())),
        changed,
        tuple(sorted(before.keys() - now.keys())),
        instance.operations.last,
        instance.loop.created,
        live.seen.last(tail.digests),
        _keep(live, tail.ended),
    )
    draft.dropped = tail.records - 1
    live.state.folded += draft.dropped
    entries, live.state.journal_bytes = tail.weight
    live.state.entries = entries + 1
    _forget(draft, instance, tail.first_command)
    tail.take(folded)
    return Record(record.number, record.at, record.version, format=FOLDED_FORMAT, folded=folded)


def _keep(live: Live, count: int) -> tuple[Kept, ...]:
    """Return the outcomes that stay, of the `count` methods that ended last; the others are forgotten."""
    last = list(live.ended)[-count:] if count else []
    found = [Kept(identity, live.ended[identity].name, live.ended[identity].outcome) for identity in last]
    size = 0
    for index, kept in enumerate(reversed(found)):
        size += len(msgspec.msgpack.encode(kept))
        if size > KEPT_BYTES:
            gone = len(found) - index
            for lost in found[:gone]:
                del live.ended[lost.id]
            return tuple(found[gone:])
    return tuple(found)


def _forget(draft: Draft, instance: Instance, first: int) -> None:
    """Forget the failed tasks of folded methods, as an instance that is loaded cold does not know them."""
    ended = instance.operations.ended
    draft.reloads = len(ended) >= RETRYABLE  # they may have displaced others, which the journal still has
    for number in [number for number in ended if number >= first]:
        del ended[number]


def weigh(live: Live) -> None:
    """Note what the journal has without the tail, when one begins."""
    if live.instance is not None and not live.instance.tail.records:
        live.instance.tail.weight = live.state.entries, live.state.journal_bytes
