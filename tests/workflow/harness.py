"""One instance driven by hand, always twice: once live, once loaded cold before each turn; both must agree."""

from __future__ import annotations

import gc
import itertools
import warnings
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from typing import Any

from leveret import workflow
from leveret.cloud_events import decode
from leveret.events import WORKFLOW_EVENTS, WorkflowEvent
from leveret_actors.actor import Inbox, Post, Turn
from leveret_actors.store.contract import ActorRecord, ActorWrite, Timer
from leveret_actors.voice import Voice
from leveret_actors.workflow import EngineSettings, WorkflowActors
from leveret_actors.workflow import journal as journals
from leveret_actors.workflow import state as states
from leveret_broker.address import EventTopic, MailboxQueue, ReplyQueue, ServiceQueue
from leveret_broker.codec import Codec
from leveret_broker.envelope import (
    Answer,
    Cancel,
    ClientCaller,
    Ended,
    Envelope,
    Message,
    Signal,
    Start,
    Task,
)
from leveret_broker.outcome import Completed, Failed, Failure, Outcome
from tests.egress.oracle import Oracle

CODEC = Codec()
START = 1_700_000_000.0
EVERYTHING = frozenset(WORKFLOW_EVENTS)
"""All types of events."""


class Stored:
    """What a store would keep of one actor."""

    def __init__(self) -> None:
        self.state = b""
        self.journal: list[bytes] = []
        self.closed = False
        self.there = False
        self.timers: dict[tuple[str, int], Timer] = {}

    def commit(self, write: ActorWrite | None) -> None:
        if write is None:
            return
        for key in write.timers_removed:
            self.timers.pop(key, None)
        if write.delete:
            self.__init__()  # type: ignore[misc]
            return
        if write.new_run:
            self.journal = []
        self.there, self.state, self.closed = True, write.state, write.closed
        assert write.dropped <= len(self.journal)
        del self.journal[len(self.journal) - write.dropped :]
        self.journal += write.append
        self.timers |= {(timer.run, timer.number): timer for timer in write.timers}

    def record(self, actor: str) -> ActorRecord | None:
        if not self.there:
            return None
        return ActorRecord(actor, self.state, () if self.closed else tuple(self.journal))


def comparable(turn: Turn) -> tuple[object, ...]:
    return turn.write, turn.members, turn.posts, turn.revoked


class Driver:
    """Sends envelopes to one instance and keeps what comes out."""

    def __init__(
        self,
        *versions: type[Any],
        actor: str = "i",
        settings: EngineSettings | None = None,
        evict: bool = False,
        listens: bool = False,
        cold: bool = True,
    ) -> None:
        self.settings = settings
        self.listens = listens
        """Keep the events among the posts; they are held against the journal in any case."""
        self.oracle = Oracle()
        self.cold = cold
        """Take each turn from a cold start as well, and compare."""
        self.id = actor
        self.queue = MailboxQueue("W", 0)
        self.store = Stored()
        self.clock = START
        self.live: Any = None
        self.actors: WorkflowActors
        self.evict = evict
        self.turns: list[Turn] = []
        self._ids = itertools.count(1)
        self.deploy(*versions)

    def deploy(self, *versions: type[Any]) -> None:
        """Run other code from now on; a new process."""
        definitions = {workflow.definition_of(cls).version: workflow.definition_of(cls) for cls in versions}
        self.kind = next((workflow.definition_of(cls).name for cls in versions), "W")
        self.queue = MailboxQueue(self.kind, 0)
        self.forget()
        self.actors = WorkflowActors(
            self.kind,
            definitions,
            CODEC,
            settings=self.settings,
            read_journal=self.read_journal,
            voice=Voice(lambda: EVERYTHING, self.kind, "test"),
        )

    # -- turns ------------------------------------------------------------------------------------------------------

    def turn(self, *envelopes: Envelope, timers: Iterable[Timer] = (), retry: bool = False, give_up: str = "") -> Turn:
        def inbox(live: Any) -> Inbox:
            record = self.store.record(self.id) if live is None else None
            return Inbox(self.id, list(envelopes), list(timers), live=live, record=record, retry=retry, give_up=give_up)

        with warnings.catch_warnings():
            warnings.simplefilter("error")
            cold = self.actors.decide(self.queue, self.prepared(inbox(None)), self.clock) if self.cold else None
            turn = self.actors.decide(self.queue, self.prepared(inbox(self.live)), self.clock)
            if cold is not None:
                assert comparable(turn) == comparable(cold)
                if cold.live is not None:
                    self.actors.drop(cold.live)
        self.live = turn.live
        turn = self._heard(turn)
        if self.evict:
            self.forget()
        self.store.commit(turn.write)
        self.turns.append(turn)
        if turn.more:
            self.turn()
        return turn

    def _heard(self, turn: Turn) -> Turn:
        """Hold what was told against what the journal implies."""
        if turn.write is not None and turn.write.run:
            records = [journals.decode(data) for data in turn.write.append]
            wrong = self.oracle.disagrees(records, events_of(turn))
            assert not wrong, wrong
        if self.listens:
            return turn
        return replace(turn, posts=tuple(post for post in turn.posts if not isinstance(post.to, EventTopic)))

    def forget(self) -> None:
        """Drop the live actor: the next turn begins from the journal."""
        if self.live is not None:
            self.actors.drop(self.live)
            self.live = None

    def prepared(self, inbox: Inbox) -> Inbox:
        """Look up what the turn needs, in a store that answers at once."""
        with suppress(StopIteration):
            self.actors.prepare(self.queue, [inbox]).send(None)
        return inbox

    async def read_journal(self, _queue: MailboxQueue, _actor: str, after: int, limit: int) -> list[bytes]:
        return self.store.journal[after : after + limit]

    def send(self, message: Message, *, message_id: str | None = None, run: str = "") -> Turn:
        return self.turn(self.envelope(message, message_id=message_id, run=run))

    def envelope(self, message: Message, *, message_id: str | None = None, run: str = "") -> Envelope:
        return Envelope(message_id or f"m{next(self._ids)}", self.id, message, run=run)

    def start(self, *, message_id: str = "start", **arguments: Any) -> Turn:
        return self.turn(self.start_envelope(message_id=message_id, **arguments))

    def start_envelope(self, *, message_id: str = "start", method: str = "run", **arguments: Any) -> Envelope:
        options = {key: arguments.pop(key) for key in list(arguments) if key in Start.__struct_fields__}
        options.setdefault("caller", ClientCaller("client", "result"))
        return self.envelope(Start(method, CODEC.dump(arguments), **options), message_id=message_id)

    def ended(self, number: int, outcome: Any = None) -> Envelope:
        """The outcome of a task, as its worker sends it: a value, an exception, or an outcome."""
        if isinstance(outcome, Exception):
            outcome = Failed(Failure(type(outcome).__name__, str(outcome)))
        elif not isinstance(outcome, Outcome):
            outcome = Completed(CODEC.dump(outcome))
        return self.envelope(Ended(number, outcome), message_id=f"{self.run}.{number}.e", run=self.run)

    def end(self, number: int, outcome: Any = None) -> Turn:
        return self.turn(self.ended(number, outcome))

    def signal_envelope(self, channel: str, value: Any, **options: Any) -> Envelope:
        message_id = options.pop("message_id", None)
        return self.envelope(Signal(channel, CODEC.dump(value), **options), message_id=message_id)

    def signal(self, channel: str, value: Any, **options: Any) -> Turn:
        return self.turn(self.signal_envelope(channel, value, **options))

    def cancel(self, **options: Any) -> Turn:
        return self.send(Cancel(**options))

    def advance(self, seconds: float) -> list[Turn]:
        """Let time pass; fire what is due, earliest first."""
        end, turns = self.clock + seconds, []
        while True:
            due = sorted((t for t in self.store.timers.values() if t.at <= end), key=lambda t: (t.at, t.number))
            if not due:
                break
            self.clock = max(self.clock, due[0].at)
            turns.append(self.turn(timers=[timer for timer in due if timer.at <= self.clock]))
        self.clock = end
        return turns

    # -- what came out ------------------------------------------------------------------------------------------------

    @property
    def state(self) -> states.State:
        return states.decode(self.store.state)

    @property
    def run(self) -> str:
        return self.state.run

    @property
    def status(self) -> str:
        return self.state.status

    @property
    def records(self) -> list[journals.Record]:
        return [journals.decode(data) for data in self.store.journal]

    @property
    def value(self) -> Any:
        """The result that the state keeps."""
        assert isinstance(self.state.outcome, Completed), (self.state.outcome, self.state.reason)
        return CODEC.load(self.state.outcome.value)

    @property
    def posts(self) -> list[Post]:
        return [post for turn in self.turns for post in turn.posts]

    @property
    def events(self) -> list[WorkflowEvent]:
        return [event for turn in self.turns for event in events_of(turn)]

    @property
    def tasks(self) -> list[Task]:
        messages = [p.envelope.message for p in self.posts if isinstance(p.to, ServiceQueue)]  # type: ignore[union-attr]
        return [message for message in messages if isinstance(message, Task)]

    @property
    def task_names(self) -> list[str]:
        return [task.name for task in self.tasks]

    @property
    def revoked(self) -> list[str]:
        return [identity for turn in self.turns for identity in turn.revoked]

    @property
    def timers(self) -> list[float]:
        """Seconds until each durable timer."""
        return sorted(timer.at - self.clock for timer in self.store.timers.values())

    @property
    def answers(self) -> list[Outcome]:
        """What clients were told."""
        return [m.outcome for m in replies(self.posts) if isinstance(m, Answer)]


def replies(posts: Iterable[Post]) -> list[Message]:
    return [p.envelope.message for p in posts if isinstance(p.to, ReplyQueue)]  # type: ignore[union-attr]


def wake_garbage() -> None:
    """Have the collector find what was leaked; warnings and unraisable errors fail the test."""
    gc.collect()


Action = Callable[[Driver], Any]


def events_of(turn: Turn) -> list[WorkflowEvent]:
    """What a turn publishes, in order."""
    bodies = [post.envelope for post in turn.posts if isinstance(post.to, EventTopic)]
    found = [decode(body) for body in bodies if isinstance(body, bytes)]
    return [event for event in found if isinstance(event, WorkflowEvent)]
