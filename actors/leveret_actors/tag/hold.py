"""Signals held for who is not there yet: an actor for each receiver, in the tags' mailboxes.

It sends the first one and asks how many took it. While nobody does, that one is sent again now and then, and the others
stay behind it; once somebody has, the rest follows in order. What is too old becomes a dead letter.
"""

from __future__ import annotations

from typing import Final

import msgspec

from leveret_actors.actor import ActorAddress, Inbox, Post, Turn
from leveret_actors.answers import found_somebody
from leveret_actors.store.contract import ActorWrite, Timer
from leveret_actors.tag.draft import dead_letter
from leveret_actors.tag.state import remember, remembers
from leveret_broker.address import MailboxQueue
from leveret_broker.envelope import Ended, Envelope, Hold, Wake, WorkflowCaller
from leveret_broker.errors import DecodeError
from leveret_broker.ids import message_digest

FIRST_PAUSE: Final = 0.5
LONGEST_PAUSE: Final = 10.0
"""Seconds until the first one is sent again: doubled from the first to the longest."""
AT_ONCE: Final = 100
"""Signals under way while somebody takes them."""
HELD: Final = 1000
HELD_BYTES: Final = 4 * 1024 * 1024
"""Most signals held for one receiver, and their bytes: each turn writes them all."""
REMEMBER: Final = 600.0
REMEMBER_HELD: Final = 86_400.0
"""Seconds for which signals that were taken are remembered, so that second copies are dropped: of one that was taken at
once its receiver would know them as well, as long as it is there; of one that had to wait nobody else does."""
AGAIN: Final = 1
FORGET: Final = 2
"""Numbers of the timers."""


class Held(msgspec.Struct, frozen=True, array_like=True, omit_defaults=True):
    """One signal."""

    id: str
    hold: Hold
    until: float
    attempts: int = 0
    asked: int = 0
    """The number under which its answer will come; 0 while it rests."""
    size: int = 0
    """Bytes, about."""


class HoldState(msgspec.Struct, frozen=True, array_like=True, omit_defaults=True):
    """What the actor knows between its turns."""

    held: tuple[Held, ...] = ()
    asked: int = 0
    """The last number given to a question."""
    flowing: bool = False
    """The last answer was that somebody took it."""
    again: float = 0.0
    """When the first one is sent again; 0 is at once."""
    recent: bytes = b""
    """Digests of signals that were taken."""
    forget: float = 0.0
    """When these are forgotten."""


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(HoldState)


def hold(queue: MailboxQueue, inbox: Inbox, clock: float) -> Turn:
    """Take a turn: answers and new signals in their order, then what may be sent now."""
    try:
        state = _found(inbox)
    except DecodeError as error:
        return Turn(posts=tuple(dead_letter(envelope, str(error)) for envelope in inbox.envelopes))
    draft = _Draft(queue, inbox, clock, state)
    if inbox.give_up:
        return draft.give_up()
    for timer in inbox.timers:
        if timer.number == FORGET:
            draft.forget_old()
    for envelope in inbox.envelopes:
        match envelope.message:
            case Hold():
                draft.add(envelope, envelope.message)
            case Ended():
                draft.answered(envelope.message)
            case Wake():
                pass
            case _:
                draft.posts.append(dead_letter(envelope, f"a {type(envelope.message).__name__} cannot be held"))
    draft.go_on()
    return draft.turn()


def _found(inbox: Inbox) -> HoldState:
    if isinstance(inbox.live, HoldState):
        return inbox.live
    if inbox.record is None:
        return HoldState()
    try:
        return _decoder.decode(inbox.record.state)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        text = f"what is held for {inbox.actor!r} cannot be read: {error}"
        raise DecodeError(text) from error


class _Draft:
    """One turn in the making."""

    def __init__(self, queue: MailboxQueue, inbox: Inbox, clock: float, state: HoldState) -> None:
        self.queue = queue
        self.inbox = inbox
        self.clock = clock
        self.state = state
        self.held = list(state.held)
        self.ids = {one.id for one in self.held}
        self.asked = state.asked
        self.flowing = state.flowing
        self.again = state.again
        self.recent = state.recent
        self.forget = state.forget
        self.posts: list[Post] = []

    def add(self, envelope: Envelope, message: Hold) -> None:
        """Put a signal behind the others, once."""
        if envelope.id in self.ids or remembers(self.recent, message_digest(envelope.id)):
            return
        size = len(_encoder.encode(message))
        if len(self.held) >= HELD or (self.held and sum(one.size for one in self.held) + size > HELD_BYTES):
            self.posts.append(dead_letter(envelope, f"{len(self.held)} signals are held for this receiver already"))
            return
        self.ids.add(envelope.id)
        self.held.append(Held(envelope.id, message, self.clock + message.seconds, size=size))

    def answered(self, message: Ended) -> None:
        """Let go of what was taken; have the others wait."""
        at = next((at for at, one in enumerate(self.held) if one.asked == message.number), -1)
        if at < 0:
            return  # a second copy
        one = self.held[at]
        self.flowing = found_somebody(message.outcome)
        if self.flowing:
            del self.held[at]
            self.again = 0.0
            self.recent = remember(self.recent, message_digest(one.id))
            self.forget = max(self.forget, self.clock + (REMEMBER_HELD if one.attempts > 1 else REMEMBER))
        else:
            self.held[at] = msgspec.structs.replace(one, asked=0)
            self.again = self.clock + min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (one.attempts - 1))

    def forget_old(self) -> None:
        """Forget what was taken, unless more was taken since the timer was set."""
        if self.forget <= self.clock:
            self.recent, self.forget = b"", 0.0

    def go_on(self) -> None:
        """Give up what is too old, and send what may be sent."""
        for one in [one for one in self.held if not one.asked and one.attempts and one.until <= self.clock]:
            self.held.remove(one)
            self._bury(one, f"nobody was there to take it for {one.hold.seconds:g} s")
            self.again = 0.0
        if self.again > self.clock:
            return
        self.again = 0.0
        under_way = sum(1 for one in self.held if one.asked)
        room = (AT_ONCE if self.flowing else 1) - under_way
        for at, one in enumerate(self.held):
            if room <= 0:
                break
            if not one.asked:
                self.held[at] = self._send(one)
                room -= 1

    def give_up(self) -> Turn:
        """Let go of everything that may have brought the node down; what is still held is sent later.

        Answers count: without its own, a signal would be under way for ever.
        """
        for envelope in self.inbox.envelopes:
            if isinstance(envelope.message, Ended):
                self.answered(envelope.message)
            else:
                self.posts.append(dead_letter(envelope, self.inbox.give_up))
        if self.held:
            self._bury(self.held.pop(0), self.inbox.give_up)
        if any(not one.asked for one in self.held):
            self.again = max(self.again, self.clock + FIRST_PAUSE)
        return self.turn()

    def _send(self, one: Held) -> Held:
        self.asked += 1
        caller = WorkflowCaller(self.queue, self.inbox.actor, "", self.asked)
        message = msgspec.structs.replace(one.hold.message, caller=caller)
        # a fresh id each time: its receiver has seen the others, and answers a second one of them differently
        identity = f"{one.id}/{one.attempts}" if one.attempts else one.id
        envelope = Envelope(identity, one.hold.key, message, sent=self.clock)
        self.posts.append(Post(ActorAddress(one.hold.kind, one.hold.key), envelope))
        return msgspec.structs.replace(one, asked=self.asked, attempts=one.attempts + 1)

    def _bury(self, one: Held, reason: str) -> None:
        envelope = Envelope(f"{one.id}/held", self.inbox.actor, one.hold, sent=self.clock)
        self.posts.append(dead_letter(envelope, reason))

    def turn(self) -> Turn:
        """Return what the turn decided."""
        actor = self.inbox.actor
        state = HoldState(tuple(self.held), self.asked, self.flowing, self.again, self.recent, self.forget)
        posts = tuple(self.posts)
        if not self.held and not self.recent:
            exists = self.inbox.record is not None or self.inbox.live is not None or bool(self.inbox.timers)
            gone = ActorWrite(actor=actor, run="", status="held", state=b"", delete=True)
            return Turn(gone if exists else None, posts=posts)
        timers = [Timer(actor, "", AGAIN, self.again)] if self.again else []
        timers += [Timer(actor, "", FORGET, self.forget)] if self.forget else []
        fired = {timer.number for timer in self.inbox.timers} - {timer.number for timer in timers}
        data = _encoder.encode(state)
        write = ActorWrite(
            actor=actor,
            run="",
            status="held",
            state=data,
            timers=tuple(timers),
            timers_removed=tuple(("", number) for number in sorted(fired)),
        )
        return Turn(write, posts=posts, live=state, size=len(data))
