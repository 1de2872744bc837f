"""The seam between the mailbox loop, which acts, and the kinds of actors, which decide.

The loop takes deliveries and due timers, groups them into inboxes, loads what is unknown, lets the actors decide, and
commits the turns of a batch in one write. Deciding is pure: no clock, socket, store or randomness but what is given.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec

from leveret_broker.address import Address

if TYPE_CHECKING:
    from leveret_actors.store.contract import ActorRecord, ActorWrite, MemberWrite, Timer
    from leveret_broker.address import MailboxQueue
    from leveret_broker.envelope import Envelope


class ActorAddress(msgspec.Struct, frozen=True):
    """An actor by kind and key; the loop turns it into the mailbox queue that carries it."""

    kind: str
    key: str


@dataclass(frozen=True, slots=True)
class Post:
    """An envelope that a turn wants sent once the turn is committed."""

    to: Address | ActorAddress
    envelope: Envelope | bytes
    """Bytes for an envelope that is only passed on."""
    delay: float = 0.0
    reason: str = ""
    """To `DEAD_LETTERS` only: why the envelope is given up."""


@dataclass(slots=True)
class Inbox:
    """What one actor gets in one turn."""

    actor: str
    envelopes: list[Envelope] = field(default_factory=list["Envelope"])
    """In order of arrival."""
    timers: list[Timer] = field(default_factory=list["Timer"])
    """Due ones, earliest first; applied before the envelopes."""
    live: Any = None
    """What `Turn.live` of its last turn was, if it is still cached."""
    record: ActorRecord | None = None
    """From the store, when not cached; None for an actor that does not exist."""
    prepared: Any = None
    """What `Actors.prepare` looked up."""
    retry: bool = False
    """The queue was just taken over and the actor is stalled: try again to run what no code has run."""
    give_up: str = ""
    """Not empty: the actor brought its node down too often; journal its inbox unrun and block it for this reason."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What one actor decided."""

    write: ActorWrite | None = None
    """None: nothing changed (only duplicates, or an actor that does not exist)."""
    members: tuple[MemberWrite, ...] = ()
    posts: tuple[Post, ...] = ()
    revoked: tuple[str, ...] = ()
    """Ids of tasks that were cancelled: told to the store and to every node after the commit."""
    exhumed: tuple[str, ...] = ()
    """Dead letters to remove after the commit: what they were is sent again."""
    live: Any = None
    """Kept for the next turn; None drops it."""
    size: int = 0
    """Estimated bytes of `live`, for the cache's bound."""
    more: bool = False
    """The actor has work left: give it another turn even without a message."""


class Actors(ABC):
    """One kind of mailbox: a workflow type, or the tags."""

    kind: str

    async def prepare(self, queue: MailboxQueue, inboxes: list[Inbox]) -> None:  # noqa: B027 - nothing is a fine default
        """Look up what deciding needs beyond the actors' own records, in few trips; by default nothing."""

    @abstractmethod
    def decide(self, queue: MailboxQueue, inbox: Inbox, clock: float) -> Turn:
        """Take a turn. Called off the I/O loop, one thread at a time per queue; must not raise for bad input."""

    @abstractmethod
    def drop(self, live: Any) -> None:
        """Forget a cached actor: cancel its tasks, leak nothing, send nothing. Called off the I/O loop."""


Decided: TypeAlias = list[tuple[Inbox, Turn]]
