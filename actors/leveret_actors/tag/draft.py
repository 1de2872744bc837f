"""One turn of a tag in the making: its state, opened up, and what it wants written and sent."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from leveret.events import WorkflowEvent
from leveret_actors.actor import ActorAddress, Post, Turn
from leveret_actors.answers import Reply, told
from leveret_actors.store.contract import ActorWrite, Timer
from leveret_actors.tag.lookup import PAGE, Live
from leveret_actors.tag.state import LEAVES, Decision, Fan, Left, Reached, TagState, Who, dump_state, who_digest
from leveret_actors.tag.table import Table
from leveret_actors.voice import Voice
from leveret_broker.address import DEAD_LETTERS, MailboxQueue
from leveret_broker.envelope import Caller, ClientCaller, Envelope, Message

PROBE_AFTER: Final = 3600.0
"""Seconds after which a member that is not firm is asked for, and for which an empty tag remembers refused claims."""

ASK_AGAIN: Final = 86_400.0
"""Seconds between two questions while no answer comes: nobody has the code up, and a question waits in the mailbox."""

MEMBER_SIZE: Final = 300
"""Bytes of one cached member, estimated."""


@dataclass(slots=True)
class Draft:
    """Filled in by the handlers of one turn, in order of the messages."""

    queue: MailboxQueue
    actor: str
    workflow: str
    tag: str
    clock: float
    state: TagState
    """As the turn found it."""
    table: Table
    exists: bool
    """The store has something of this tag."""
    voice: Voice | None = None
    """Of the tag's workflow."""
    joined: int = 0
    count: int = 0
    holder: Who | None = None
    recent: bytes = b""
    lingers: float = 0.0
    fans: list[Fan] = field(default_factory=list[Fan])
    decided: list[Decision] = field(default_factory=list[Decision])
    left: dict[bytes, Left] = field(default_factory=dict[bytes, Left])
    """By digest, oldest first."""
    forgot: float = 0.0
    reached: list[Reached] = field(default_factory=list[Reached])
    posts: list[Post] = field(default_factory=list[Post])
    timers: dict[int, float] = field(default_factory=dict[int, float])
    """To set: number and time."""
    removed: set[int] = field(default_factory=set[int])
    """Numbers of timers to remove."""

    def __post_init__(self) -> None:
        """Open the state up."""
        state = self.state
        self.joined, self.count, self.holder = state.joined, state.count, state.holder
        self.recent, self.lingers = state.recent, state.lingers
        self.fans, self.decided = list(state.fans), list(state.decided)
        self.left = {one.digest: one for one in state.left}
        self.forgot = state.forgot if self.exists else self.clock
        self.reached = list(state.reached)

    # -- members ------------------------------------------------------------------------------------------------------

    def add_member(self, who: Who, *, firm: bool = False) -> None:
        """Give `who` the next join number, and ask for it in an hour unless it is, or is made, firm."""
        self.joined += 1
        self.count += 1
        self.table.add(who, self.joined)
        if not firm:
            self.set_timer(self.joined, PROBE_AFTER)

    def make_firm(self, number: int) -> None:
        """Stop asking for the member with this join number."""
        self.remove_timer(number)

    def remove_member(self, who: Who) -> None:
        """Take a member off, and the tag away from it if it holds it."""
        number = self.table.number(who)
        if number:
            self.count = max(0, self.count - 1)
            self.table.remove(who)
            self.make_firm(number)
        if self.holder == who:
            self.holder = None

    def has_left(self, who: Who, number: int) -> bool:
        """Tell whether a leave was handled that was sent after the message with this number."""
        one = self.left.get(who_digest(who))
        return one is not None and number < one.number

    def note_leave(self, who: Who, number: int) -> None:
        """Remember a leave, the last `LEAVES` of them."""
        digest = who_digest(who)
        self.left.pop(digest, None)
        self.left[digest] = Left(digest, number, self.clock)
        if len(self.left) > LEAVES:
            self.forgot = max(self.forgot, self.left.pop(next(iter(self.left))).at)

    # -- timers and posts ---------------------------------------------------------------------------------------------

    def set_timer(self, number: int, seconds: float) -> None:
        """Set (or set anew) a timer of this tag."""
        self.removed.discard(number)
        self.timers[number] = self.clock + seconds

    def remove_timer(self, number: int) -> None:
        """Remove a timer that fired or is not wanted any more."""
        self.timers.pop(number, None)
        self.removed.add(number)

    def send(self, instance: str, message_id: str, message: Message, *, run: str = "") -> None:
        """Send a message to an instance of the tag's workflow."""
        envelope = Envelope(message_id, instance, message, run, sent=self.clock)
        self.posts.append(Post(ActorAddress(self.workflow, instance), envelope))

    def answer(self, caller: ClientCaller, message: Message) -> None:
        """Answer a client's request."""
        self.posts.append(Post(caller.address, Envelope(caller.request, "", message, sent=self.clock)))

    def tell(self, caller: Caller, message: Reply, request: str) -> None:
        """Answer the message with the id `request`, be it a client's or a workflow's."""
        self.posts.append(told(caller, message, {"workflow": self.workflow}, request, self.clock))

    def publish(self, event: WorkflowEvent) -> None:
        """Tell listeners, if any wants it."""
        if self.voice is not None and event.type in self.voice.types:
            self.posts.append(Post(*self.voice.message(event)))

    def bury(self, envelope: Envelope, reason: str) -> None:
        """Give a message up."""
        self.posts.append(dead_letter(envelope, reason))

    # -- the end ------------------------------------------------------------------------------------------------------

    def turn(self) -> Turn:
        """Return what the turn decided."""
        everybody = self.table.everybody()
        if everybody is not None:
            self.count = len(everybody)
        state = TagState(
            joined=self.joined,
            count=self.count,
            holder=self.holder,
            fans=tuple(self.fans),
            recent=self.recent,
            decided=tuple(self.decided),
            lingers=self.lingers,
            left=tuple(self.left.values()),
            forgot=self.forgot,
            reached=tuple(self.reached),
        )
        posts = tuple(self.posts)
        if state.empty:
            gone = ActorWrite(actor=self.actor, run="", status="tag", state=b"", delete=True)
            return Turn(gone if self.exists else None, posts=posts)
        members = self.table.writes(self.actor)
        few = everybody if everybody is not None and len(everybody) <= PAGE else None
        data = dump_state(state)
        live = Live(state, few)
        size = len(data) + MEMBER_SIZE * len(few or ())
        changed = state != self.state or bool(members or self.timers or self.removed)
        write = self._write(data) if changed else None
        return Turn(write, members, posts, live=live, size=size, more=bool(self.fans))

    def _write(self, data: bytes) -> ActorWrite:
        return ActorWrite(
            actor=self.actor,
            run="",
            status="tag",
            state=data,
            stalled=bool(self.fans),  # a fan-out goes on by itself: whoever takes the queue over must look at it
            timers=tuple(Timer(self.actor, "", number, at) for number, at in self.timers.items()),
            timers_removed=tuple(("", number) for number in sorted(self.removed)),
        )


def dead_letter(envelope: Envelope, reason: str) -> Post:
    """Return the post that gives an envelope up."""
    return Post(DEAD_LETTERS, envelope, reason=reason)
