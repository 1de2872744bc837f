"""Inboxes decided, and the turns of a batch made into one commit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loguru import logger

from leveret_actors.actor import ActorAddress
from leveret_actors.mailbox.cache import Evicted
from leveret_actors.store.contract import Batch, Outgoing
from leveret_broker.envelope import encode

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from leveret_actors.actor import Actors, Decided, Inbox
    from leveret_actors.mailbox.directory import Directory
    from leveret_broker.address import MailboxQueue


def decide(
    actors: Actors, queue: MailboxQueue, inboxes: Sequence[Inbox], clock: float, decided: Decided
) -> list[Inbox]:
    """Let each actor take its turn, into `decided`; return the inboxes of those whose turn raised, to be given up."""
    broken: list[Inbox] = []
    for inbox in inboxes:
        try:
            decided.append((inbox, actors.decide(queue, inbox, clock)))
        except Exception as error:
            logger.opt(exception=True).error("{} {}: its turn failed inside the engine", actors.kind, inbox.actor)
            inbox.give_up = f"its turn failed inside the engine: {type(error).__name__}: {error}"
            broken.append(inbox)
    return broken


def abandoned(actors: Actors, inboxes: Sequence[Inbox], decided: Decided) -> list[Evicted]:
    """Return the live actors of a batch that was not committed: they are ahead of the store."""
    done = {inbox.actor for inbox, _ in decided}
    lives = [turn.live for _, turn in decided] + [inbox.live for inbox in inboxes if inbox.actor not in done]
    return [Evicted(actors, live) for live in lives if live is not None]


def drop(evicted: Iterable[Evicted]) -> None:
    """Drop live actors, one after another."""
    for entry in evicted:
        try:
            entry.actors.drop(entry.live)
        except Exception:
            logger.opt(exception=True).error("{}: an actor could not be dropped cleanly", entry.actors.kind)


def kinds_wanted(decided: Decided) -> set[str]:
    """Return the actor kinds that these turns send to."""
    return {post.to.kind for _, turn in decided for post in turn.posts if isinstance(post.to, ActorAddress)}


def batch_of(
    queue: MailboxQueue,
    decided: Decided,
    directory: Directory,
    *,
    batch_id: str,
    settled: tuple[str, ...],
    acknowledged: tuple[int, ...],
    survived: tuple[str, ...] = (),
) -> Batch:
    """Return the one write of these turns of `queue`; the directory must know all kinds they send to."""
    outbox = tuple(
        Outgoing(
            directory.resolve(post.to),
            post.envelope if isinstance(post.envelope, bytes) else encode(post.envelope),
            post.delay,
            post.reason,
            str(queue) if post.reason else "",
        )
        for _, turn in decided
        for post in turn.posts
    )
    return Batch(
        id=batch_id,
        actors=tuple(turn.write for _, turn in decided if turn.write is not None),
        members=tuple(write for _, turn in decided for write in turn.members),
        outbox=outbox,
        settled=settled,
        acknowledged=acknowledged,
        survived=survived,
    )


def is_empty(batch: Batch, *, atomic: bool) -> bool:
    """Tell whether committing this batch would change nothing."""
    written = batch.actors or batch.members or batch.outbox or batch.settled or batch.survived
    return not (written or (atomic and batch.acknowledged))
