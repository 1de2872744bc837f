"""What the store tests share."""

from itertools import count

from leveret_actors.store.contract import ActorRecord, ActorWrite, Batch, MemberWrite, Outgoing, Store, Timer
from leveret_broker.address import MailboxQueue, ServiceQueue

QUEUE = MailboxQueue("Booking", 3)
OTHER = MailboxQueue("Booking", 4)
LONG = 10_000_000.0
"""Seconds: longer than any test."""

_numbers = count(1)


def write(actor: str, *append: bytes, status: str = "running", **more: object) -> ActorWrite:
    """A plain turn of an actor."""
    fields: dict[str, object] = {"run": "run", "state": b"state of " + actor.encode(), **more}
    return ActorWrite(actor=actor, status=status, append=append, **fields)  # type: ignore[arg-type]


def batch(*actors: ActorWrite, **more: object) -> Batch:
    """A batch with an id of its own."""
    fields: dict[str, object] = {"id": f"batch-{next(_numbers)}", **more}
    return Batch(actors=actors, **fields)  # type: ignore[arg-type]


def outgoing(*bodies: bytes) -> tuple[Outgoing, ...]:
    return tuple(Outgoing(ServiceQueue("Hotel"), body) for body in bodies)


def join(actor: str, number: int, instance: str, run: str = "run") -> MemberWrite:
    return MemberWrite(actor=actor, instance=instance, run=run, number=number)


def timer(actor: str, number: int, at: float, run: str = "run") -> Timer:
    return Timer(actor, run, number, at)


async def own(store: Store, queue: MailboxQueue = QUEUE, node: str = "node-1") -> int:
    """Take a queue over and return the epoch."""
    return (await store.take_over(queue, node)).epoch


async def journal(store: Store, actor: str, queue: MailboxQueue = QUEUE) -> list[bytes]:
    return await store.read_journal(queue, actor, 0, 1_000_000)


async def record(store: Store, actor: str, queue: MailboxQueue = QUEUE) -> ActorRecord | None:
    (found,) = await store.load(queue, [actor])
    return found
