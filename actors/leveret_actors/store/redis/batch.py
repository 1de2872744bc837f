"""A commit as the bytes that commit.lua reads: one msgpack array, times as text, one entry per key it touches."""

from __future__ import annotations

import msgspec

from leveret_actors.store.contract import ActorWrite, Batch, Outbox, Outgoing
from leveret_actors.store.redis.keys import timer_member, who_member
from leveret_broker.errors import ConfigurationError

_encode = msgspec.msgpack.Encoder().encode
_outbox = msgspec.msgpack.Decoder(tuple[Outgoing, ...])


def encode_batch(batch: Batch) -> bytes:
    """Return the batch as commit.lua takes it."""
    if not batch.id or "\n" in batch.id:
        raise ConfigurationError(f"batch id {batch.id!r} is not usable: it is one line of text")
    timers: dict[bytes, str] = {}
    gone: dict[bytes, None] = {}
    for write in batch.actors:
        _collect_timers(write, timers, gone)
    return _encode(
        (
            batch.id,
            [_actor(write) for write in batch.actors],
            [part for member, at in timers.items() for part in (at, _raw(member))],
            [_raw(member) for member in gone],
            _members(batch),
            _raw(_encode(batch.outbox)) if batch.outbox else "",
            batch.settled,
            batch.survived,
        )
    )


def decode_pending(fields: list[bytes]) -> tuple[Outbox, ...]:
    """Return the outboxes of a `pending` hash, oldest first."""
    found: list[tuple[int, Outbox]] = []
    for name, value in zip(fields[::2], fields[1::2]):
        sequence, _, items = value.partition(b" ")
        found.append((int(sequence), Outbox(name.decode(), _outbox.decode(items))))
    return tuple(outbox for _, outbox in sorted(found, key=lambda entry: entry[0]))


def _actor(write: ActorWrite) -> tuple[object, ...]:
    mode = "delete" if write.delete else "new" if write.new_run else ""
    marks = f"{'c' if write.closed else '-'}{'s' if write.stalled else '-'}{_time(write.expires)}"
    append = [_raw(one) for one in write.append]
    return (write.actor, write.run, write.status, _raw(write.state), marks, mode, append, write.dropped)


def _raw(data: bytes) -> msgspec.Raw:
    """Return bytes as a msgpack string: Redis's cmsgpack does not know the type bytes, and its strings are bytes."""
    return msgspec.Raw(b"\xdb%b%b" % (len(data).to_bytes(4, "big"), data))


def _time(at: float) -> str:
    """Return the shortest text that is read back as exactly this number; 0 as `0`."""
    return repr(float(at)) if at else "0"


def _collect_timers(write: ActorWrite, timers: dict[bytes, str], gone: dict[bytes, None]) -> None:
    if write.delete:
        return
    for run, number in write.timers_removed:
        gone[timer_member(write.actor, run, number)] = None
    for timer in write.timers:
        timers[timer_member(timer.actor, timer.run, timer.number)] = _time(timer.at)


def _members(batch: Batch) -> list[tuple[str, list[object], list[msgspec.Raw]]]:
    """Return (actor, scores and members to add, members to remove); the last change of each member counts."""
    last: dict[str, dict[bytes, int]] = {}
    for change in batch.members:
        last.setdefault(change.actor, {})[who_member(change.instance, change.run)] = change.number
    return [
        (
            actor,
            [part for member, number in changes.items() if number for part in (number, _raw(member))],
            [_raw(member) for member, number in changes.items() if not number],
        )
        for actor, changes in last.items()
    ]
