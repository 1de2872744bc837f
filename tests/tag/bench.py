"""Turns a tag without a broker: the memory store, a clock in hand, and what was posted."""

from __future__ import annotations

from dataclasses import dataclass, field

from msgspec.structs import replace

from leveret_actors.actor import ActorAddress, Inbox, Post, Turn
from leveret_actors.store.contract import Batch, Member, Timer
from leveret_actors.store.memory import MemoryStore
from leveret_actors.tag import TagActors
from leveret_actors.voice import Voice
from leveret_broker.address import DEAD_LETTERS, TAGS, MailboxQueue, ReplyQueue
from leveret_broker.codec import Codec
from leveret_broker.envelope import (
    Cancel,
    ClientCaller,
    Envelope,
    Message,
    Signal,
    Start,
    TagClaim,
    TagFan,
    TagJoin,
    TagLeave,
    decode,
    encode,
)
from leveret_broker.ids import new_id

QUEUE = MailboxQueue(TAGS, 3)
TAG = "Booking/order:1"
CALLER = ClientCaller("client", "request")
PAYLOAD = Codec().dump("value")


def envelope(message: Message, message_id: str = "", *, sent: float = 0.0) -> Envelope:
    return Envelope(message_id or new_id(), TAG, message, sent=sent)


def join(instance: str, run: str = "r", *, firm: bool = False, sent: float = 0.0) -> Envelope:
    return envelope(TagJoin(instance, run, firm), sent=sent)


def leave(instance: str, run: str = "r") -> Envelope:
    return envelope(TagLeave(instance, run))


def fan(message_id: str = "", *, message: Signal | Cancel | None = None) -> Envelope:
    return envelope(TagFan(message or Signal("decisions", PAYLOAD), CALLER), message_id)


def claim(
    instance: str, run: str = "r", message_id: str = "", on_conflict: str = "existing", *, tags: tuple[str, ...] = ()
) -> Envelope:
    start = encode(Envelope("start-" + run, instance, Start("book", PAYLOAD, tags=tags)))
    return envelope(TagClaim(instance, run, start, CALLER, on_conflict), message_id)


@dataclass
class Bench:
    """One tag; `cached` keeps what the mailbox loop would keep between turns."""

    cached: bool = True
    key: str = TAG
    store: MemoryStore = field(init=False)
    clock: float = 1_000_000.0
    turns: int = 0
    posts: list[Post] = field(default_factory=list[Post])
    wanted: frozenset[str] = frozenset()
    """Types of events that are to be published."""
    live: object = None
    more: bool = False
    epoch: int = 0

    def __post_init__(self) -> None:
        self.store = MemoryStore(new_id(), clock=lambda: self.clock)
        self.actors = TagActors(self.store, lambda name: Voice(lambda: self.wanted, name, "test"))

    async def open(self) -> Bench:
        await self.store.open()
        self.epoch = (await self.store.take_over(QUEUE, "node")).epoch
        return self

    async def turn(self, *envelopes: Envelope, timers: tuple[Timer, ...] = (), give_up: str = "") -> Turn:
        """Take one turn and commit it; what has no time of sending is sent now."""
        self.clock += 0.001
        envelopes = tuple(one if one.sent else replace(one, sent=self.clock) for one in envelopes)
        inbox = Inbox(self.key, list(envelopes), list(timers), give_up=give_up)
        if self.cached and self.live is not None:
            inbox.live = self.live
        else:
            (inbox.record,) = await self.store.load(QUEUE, [self.key])
        await self.actors.prepare(QUEUE, [inbox])
        turn = self.actors.decide(QUEUE, inbox, self.clock)
        actors = () if turn.write is None else (turn.write,)
        await self.store.commit(QUEUE, self.epoch, Batch(id=new_id(), actors=actors, members=turn.members))
        self.turns += 1
        self.posts += turn.posts
        self.live, self.more = turn.live, turn.more
        return turn

    async def send(self, *envelopes: Envelope) -> list[Post]:
        """Take turns until nothing is left to do; return what was posted meanwhile."""
        before = len(self.posts)
        await self.turn(*envelopes)
        while self.more:
            await self.turn()
        return self.posts[before:]

    async def later(self, seconds: float) -> list[Post]:
        """Let time pass and due timers fire."""
        before = len(self.posts)
        self.clock += seconds
        while due := (await self.store.due(QUEUE, 500)).timers:
            await self.turn(timers=due)
        return self.posts[before:]

    async def members(self) -> list[Member]:
        return await self.store.members(QUEUE, self.key, 0, 1_000_000)

    async def names(self) -> list[str]:
        return [member.instance for member in await self.members()]

    async def gone(self) -> bool:
        """Tell whether the store has nothing of the tag."""
        (record,) = await self.store.load(QUEUE, [self.key])
        return record is None and not await self.members() and not (await self.store.due(QUEUE, 1)).next_due


def opened(post: Post) -> Envelope:
    return decode(post.envelope) if isinstance(post.envelope, bytes) else post.envelope


def to_instances(posts: list[Post]) -> list[Envelope]:
    return [opened(post) for post in posts if isinstance(post.to, ActorAddress)]


def answers(posts: list[Post]) -> list[Message]:
    return [opened(post).message for post in posts if post.to == ReplyQueue("client")]


def dead(posts: list[Post]) -> list[Envelope]:
    return [opened(post) for post in posts if post.to == DEAD_LETTERS]
