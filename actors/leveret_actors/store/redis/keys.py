"""Names of keys, and the members of sorted sets.

All keys of one mailbox queue share a hash tag, so they share a slot and one script may touch them all:

    {ns:Booking:7}:meta                  hash: epoch, node, batches, session, number, sequence
    {ns:Booking:7}:actor:<actor>         hash: run, status, state, marks, updated
    {ns:Booking:7}:journal:<actor>       list of records
    {ns:Booking:7}:members:<tag actor>   sorted set by join number
    {ns:Booking:7}:status:<status>       sorted set of actors, by name
    {ns:Booking:7}:timers                sorted set by time        :timers-by-actor   the same, by name
    {ns:Booking:7}:pending               hash of outboxes          :attempts          hash of nodes
    {ns:Booking:7}:closed                sorted set by sequence    :expires           sorted set by time
    {ns:Booking:7}:stalled               set of actors             :wait              written before a WAIT

What belongs to no queue: `{ns:meta}:`format and mailboxes, `{ns:nodes}:`until and info, `{ns:dead}:`order and letters,
and about tasks, each under its id:

    {ns:tasks}:revoked:<life>            until when                :attempt:<life>    the highest, until when
    {ns:tasks}:lease:<task>              hash: the fields of a lease
    {ns:tasks}:called:<task>             hash: who waits for a task that a client called, and how it ended
    {ns:tasks}:leases                    sorted set by name        :leases-by-time    the same, by their ends

What holds services back:

    {ns:services}:bucket:<name>          when it is full again      :paused            set of services
    {ns:services}:room:<name>            sorted set of seats by the time until which they are taken

Who listens to events:

    {ns:events}:listeners                hash: patterns, by group

A member that is made of several texts has each behind its length in bytes (`3:abc`), so no text can be read as another.
"""

from __future__ import annotations

from leveret_actors.store.contract import Timer
from leveret_broker.address import MailboxQueue
from leveret_broker.ids import check_name


class Keys:
    """The keys of one namespace."""

    def __init__(self, namespace: str) -> None:
        self._namespace = check_name("namespace", namespace)

    def queue(self, queue: MailboxQueue, part: str) -> str:
        """Return a key of a mailbox queue."""
        return f"{{{self._namespace}:{queue.kind}:{queue.index}}}:{part}"

    def shared(self, group: str, part: str) -> str:
        """Return a key that belongs to no queue."""
        return f"{{{self._namespace}:{group}}}:{part}"


def timer_member(actor: str, run: str, number: int) -> bytes:
    """Return a timer as a member; all of an actor start with the same bytes."""
    return b"%b%b%d" % (_text(actor), _text(run), number)


def timer_of(member: bytes, at: bytes) -> Timer:
    """Return the timer that a member and its score stand for."""
    actor, rest = _split(member)
    run, rest = _split(rest)
    return Timer(actor, run, int(rest), float(at))


def who_member(instance: str, run: str) -> bytes:
    """Return (instance, run) as a member of a tag."""
    return _text(instance) + run.encode()


def who_of(member: bytes) -> tuple[str, str]:
    """Return the (instance, run) that a member stands for."""
    instance, run = _split(member)
    return instance, run.decode()


def _text(text: str) -> bytes:
    data = text.encode()
    return b"%d:%b" % (len(data), data)


def _split(data: bytes) -> tuple[str, bytes]:
    size, _, rest = data.partition(b":")
    return rest[: int(size)].decode(), rest[int(size) :]
