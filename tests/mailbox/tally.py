"""A toy kind of actor for tests of the mailbox loop: counts its signals, and echoes each to a second actor kind."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import msgspec

from leveret_actors.actor import ActorAddress, Actors, Inbox, Post, Turn
from leveret_actors.store.contract import ActorWrite, Timer
from leveret_broker.address import MailboxQueue
from leveret_broker.codec import Payload
from leveret_broker.envelope import Envelope, Signal


@dataclass(slots=True)
class Live:
    """What an actor has seen: message ids in order."""

    seen: list[str] = field(default_factory=list[str])


def signal(message_id: str, actor: str, channel: str = "echo") -> Envelope:
    """Return a message for a tally: `echo` is passed on, `later` sets a timer, `poison` raises."""
    return Envelope(message_id, actor, Signal(channel, Payload(b"\0\xc0")))


class TallyActors(Actors):
    """Journals message ids; drops those it has; echoes each new one to `<id>!` of kind `echo_to`."""

    def __init__(self, kind: str = "Tally", echo_to: str = "Echo") -> None:
        """Echo to the actors of another kind."""
        self.kind = kind
        self.echo_to = echo_to
        self.dropped = 0
        self.given_up: list[str] = []

    def decide(self, queue: MailboxQueue, inbox: Inbox, clock: float) -> Turn:
        """Append what is new."""
        live = inbox.live
        if live is None:
            live = Live([i.decode() for i in inbox.record.journal] if inbox.record else [])
        assert isinstance(live, Live)
        new: list[str] = []
        timers: list[Timer] = []
        if inbox.give_up:
            self.given_up.append(inbox.give_up)
        new += [f"t{timer.number}" for timer in inbox.timers if f"t{timer.number}" not in live.seen]
        for envelope in inbox.envelopes:
            if envelope.id in live.seen or envelope.id in new:
                continue
            new.append(envelope.id)
            if isinstance(envelope.message, Signal) and envelope.message.channel == "poison" and not inbox.give_up:
                raise RuntimeError("poison")
            if isinstance(envelope.message, Signal) and envelope.message.channel == "later":
                timers.append(Timer(inbox.actor, "", len(live.seen) + len(new), clock + 5))
        live.seen += new
        if not new and not inbox.timers:
            return Turn(live=live, size=100)
        write = ActorWrite(
            actor=inbox.actor,
            run="",
            status="running",
            state=b"",
            append=tuple(i.encode() for i in new),
            timers=tuple(timers),
            timers_removed=tuple((t.run, t.number) for t in inbox.timers),
        )
        posts = tuple(
            Post(
                ActorAddress(self.echo_to, inbox.actor),
                Envelope(f"{i}!", inbox.actor, Signal("end", Payload(b"\0\xc0"))),
            )
            for i in new
            if self.echo_to
        )
        return Turn(write=write, posts=posts, live=live, size=100)

    def drop(self, live: Any) -> None:
        """Count."""
        self.dropped += 1


def seen_of(record: Any) -> list[str]:
    """Return the message ids in a stored journal."""
    return [msgspec.convert(item, bytes).decode() for item in record.journal] if record else []
