"""A turn being decided: what one message handler after the other notes in it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

from leveret_actors.actor import Inbox, Post
from leveret_actors.store.contract import Timer
from leveret_actors.workflow import joining, journal, posts, state
from leveret_actors.workflow.course import Course, course_of, lines_of
from leveret_actors.workflow.house import House
from leveret_actors.workflow.instance import Instance, Stuck
from leveret_actors.workflow.journal import (
    Begun,
    Called,
    CancelRequested,
    CommandEnded,
    Event,
    Record,
    ResultAwaited,
    Rewound,
    SignalAccepted,
    TasksRetried,
    TimersCompleted,
)
from leveret_actors.workflow.live import Live
from leveret_actors.workflow.replay import load, revive
from leveret_actors.workflow.state import State
from leveret_actors.workflow.telling import teller
from leveret_broker.address import DEAD_LETTERS, MailboxQueue
from leveret_broker.envelope import Caller, ClientCaller, Done, Envelope, Message, Query

External: TypeAlias = (
    Called | SignalAccepted | CommandEnded | CancelRequested | ResultAwaited | TasksRetried | TimersCompleted | Rewound
)


class Draft:
    """One turn of one actor; handlers read `live` and note events and posts, `decide` makes the turn of it."""

    def __init__(self, house: House, queue: MailboxQueue, inbox: Inbox, clock: float) -> None:
        """Take the actor from the cache, or load it."""
        self.house = house
        self.queue = queue
        self.inbox = inbox
        self.actor = inbox.actor
        self.live: Live | None = inbox.live
        self.at = clock
        self.events: list[Event] = []
        self.origins: dict[bytes, Envelope] = {}
        """By digest: the envelopes behind this turn's events."""
        self.passed: list[bytes] = []
        """Digests of messages that found nobody."""
        self.posts: list[Post] = []
        self.revoked: list[str] = []
        self.timers: list[Timer] = []
        self.removed: dict[tuple[str, int], None] = {(timer.run, timer.number): None for timer in inbox.timers}
        self.replaces = False
        """The journal that the store has goes first."""
        self.renews = False
        """The next run has begun in this turn, and runs in the next."""
        self.dropped = 0
        """So many records at the journal's end go before this turn's is appended."""
        self.reloads = False
        """The instance is not as a replay would make it any more: the next turn loads it."""
        self.rewrites = False
        """The head changed, though no event did it."""
        self.unreadable = ""
        """Why nothing can be told of what the store has."""
        self.stuck = ""
        """Why the code cannot run."""
        self.rewound = False
        """A failed instance is resumed in this turn."""
        self.queries: list[tuple[Envelope, Query]] = []
        """To be answered once the code has run."""
        self.done: list[tuple[Caller, str, Done]] = []
        """What the verbs of this turn did; told with the instance's status after the turn."""
        self.resent: set[int] = set()
        """Tasks whose retry the code runs in this turn."""
        self.forgets = False
        """A failed instance has been kept long enough."""
        self.rewinds = False
        """The code runs a rewind in this turn."""
        self.exhumed: list[str] = []
        """Dead letters that are not dead any more."""
        self.teller = teller(house, self.actor)
        self._records: list[Record] = []
        self._stored: tuple[bytes, ...] = ()
        if self.live is None and inbox.record is not None:
            self._load()
        if self.live is not None:
            self.at = max(clock, self.live.state.updated)
        self.was_failed = self.live is not None and self.live.state.status == state.FAILED
        self.length = (0, 0) if self.live is None else (self.live.state.entries, self.live.state.journal_bytes)
        """Of the journal before this turn: entries and bytes."""
        self.teller.found(self.live, self.at)

    def _load(self) -> None:
        assert self.inbox.record is not None
        try:
            self.live, self._records = load(self.inbox.record, self.house.seen())
        except Exception as error:  # a newer format, or damage: either must not take the queue down
            self._load_head_only(error)
            return
        if self.live.state.status in {state.RUNNING, state.BLOCKED} and not self._is_given_up():
            self.revive(self.live)

    def _load_head_only(self, error: Exception) -> None:
        assert self.inbox.record is not None
        try:
            head = state.decode(self.inbox.record.state)
        except Exception as damage:  # as above
            self.unreadable = f"the head of the instance cannot be read: {damage}"
            return
        self.live = Live(head, self.house.seen())
        self.stuck = f"the journal cannot be read: {error}"

    def _is_given_up(self) -> bool:
        assert self.live is not None
        if self.live.state.given_up and not self.inbox.retry:
            self.stuck = self.live.state.reason
            return True
        return bool(self.inbox.give_up)

    def revive(self, live: Live) -> bool:
        """Have the code as it was after the turns that count; else say what is stuck, and return False."""
        self.stuck = ""
        if live.begun is None:
            self.stuck = "the journal has no beginning"
            return False
        try:
            instance = self.house.instance(self.actor, live)
        except Stuck as stuck:
            self.stuck = str(stuck)
            return False
        try:
            revive(instance, self.course().turns)
        except BaseException as error:  # Stuck, or what nobody foresaw: no wrong result, nothing sent
            instance.close()
            self.stuck = str(error) if isinstance(error, Stuck) else f"the replay broke: {error!r}"
            return False
        live.instance = instance
        self._weigh_tail(live, instance)
        return True

    def _weigh_tail(self, live: Live, instance: Instance) -> None:
        tail = instance.tail
        stored = self._stored if self.inbox.record is None else self.inbox.record.journal
        first = len(stored) - tail.records
        entries = sum(record.entries for record in self._records[first:])
        tail.weight = live.state.entries - entries, live.state.journal_bytes - sum(map(len, stored[first:]))

    def remember(self, records: Iterable[bytes]) -> None:
        """Take the journal of an actor that was not loaded with it."""
        if not self._records:
            self._stored = tuple(records)
            self._records = [journal.decode(data) for data in self._stored]

    def course(self) -> Course:
        """Return what counts of the journal of an instance without code, and of this turn's events."""
        if not self.events:
            return course_of(self._records)
        return course_of([*self._records, Record(0, self.at, 0, tuple(self.events), ran=False)])

    def seen_before_rewind(self) -> frozenset[int]:
        """Return the commands whose end the code saw in turns that are void, and sees again in this one."""
        if not self.rewinds:
            return frozenset()
        lines = lines_of(course_of(self._records, rewinds=False)).values()
        return frozenset(line.number for line in lines if line.ended)

    # -- for handlers -------------------------------------------------------------------------------------------------

    @property
    def kind(self) -> str:
        """The workflow's name."""
        return self.house.kind

    @property
    def there(self) -> Live | None:
        """The instance, if it has been started."""
        return None if self.live is None or self.live.state.status == state.AWAITED else self.live

    def accept(self, event: External, envelope: Envelope) -> bool:
        """Note an event, unless its message has been accepted before; tells whether it is new."""
        live = self.live
        assert live is not None
        if event.digest in live.seen:
            return False
        live.seen.add(event.digest, self.at)
        self.events.append(event)
        self.origins[event.digest] = envelope
        return True

    def begin(self, begun: Begun) -> None:
        """Start a run, in place of what was there."""
        old = self.live
        head = State(
            self.kind,
            begun.run,
            state.RUNNING,
            self.at,
            self.at,
            method=begun.method,
            tags=begun.tags,
            unique_tag=begun.unique_tag,
            meta=begun.meta,
        )
        live = Live(head, self.house.seen(), begun)
        self.events.append(begun)
        if old is not None:
            self.replaces = True
            head.starts = old.state.starts
            if old.state.run:
                head.starts = (*head.starts, bytes.fromhex(old.state.tag_run))[-state.STARTS_KEPT :]
            for _, parked in old.parked:
                self.events.append(parked)
                live.seen.add(parked.digest, self.at)
            if old.state.status == state.AWAITED:
                self.timers.clear()
                self.removed["", 0] = None
        self.live = live
        for digest in (*begun.passed, begun.digest):
            live.seen.add(digest, self.at)
        self.posts.extend(joining.join_tags(self.kind, self.actor, begun, self.at))

    def tell(self, envelope: Envelope, count: int, text: str, *, found: bool = True) -> None:
        """Answer what the verb in an envelope did, once the turn is decided; nothing where nobody waits."""
        caller: Caller | None = getattr(envelope.message, "caller", None)
        if caller is not None:
            self.done.append((caller, envelope.id, Done(found, count, text)))

    def reply(self, caller: Caller | None, message: Message) -> None:
        """Answer a client; nothing for others."""
        if isinstance(caller, ClientCaller):
            self.posts.append(posts.reply(caller, message, self.at))

    def dead_letter(self, envelope: Envelope, reason: str) -> None:
        """Set aside what cannot be handled."""
        self.posts.append(Post(DEAD_LETTERS, envelope, reason=reason))

    def revoke(self, task_id: str, reason: str) -> None:
        """Have a task cancelled where it runs, or dropped where it turns up."""
        self.revoked.append(task_id)
        self.posts.append(posts.cancel_task(task_id, self.at, self.at + self.house.settings.revoke_for, reason))
