"""What journals of workflows say, read by the simulation's auditor without the engine's help."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from leveret import cloud_events
from leveret.events import WorkflowEvent
from leveret_actors.workflow import journal, state
from leveret_actors.workflow.course import course_of
from leveret_actors.workflow.house import EngineSettings, House
from leveret_actors.workflow.journal import Applied, Begun, CommandEnded, Folded, GivenUp, Record, TimerFired
from leveret_actors.workflow.live import Live
from leveret_actors.workflow.replay import load, revive
from leveret_broker.address import TAGS, MailboxQueue, ReplyQueue, ServiceQueue
from leveret_broker.envelope import (
    Answer,
    AwaitResult,
    ClientCaller,
    Ended,
    Envelope,
    Signal,
    Start,
    Task,
    WorkflowCaller,
    decode,
)
from leveret_broker.ids import message_digest, run_of
from tests.egress.oracle import Oracle
from tests.simulation.auditor import Auditor, short

if TYPE_CHECKING:
    from leveret.definition import WorkflowDefinition
    from leveret_actors.store.contract import ActorRecord, ActorWrite, Batch
    from leveret_actors.store.shelf import Kept
    from leveret_broker.address import Address
    from leveret_broker.codec import Codec
    from tests.simulation.loop import Process
    from tests.simulation.world import World


class Scribe(Auditor):
    """Checks journals of one workflow type; tags have their promises checked at the end."""

    def __init__(self, world: World, definition: WorkflowDefinition, codec: Codec) -> None:
        """Read the journals in `world`."""
        super().__init__(world.trace)
        self._world = world
        self._house = House(definition.name, {definition.version: definition}, codec, EngineSettings())
        self._once: dict[tuple[str, str], set[object]] = {}
        self._ended: dict[tuple[str, str], set[int]] = {}
        self._commands: dict[tuple[str, str], list[tuple[int, int]]] = {}
        """Turn and number of all commands of a run."""
        self._tasks: set[str] = set()
        self._oracles = defaultdict[str, Oracle](Oracle)
        self._fanned: set[str] = set()
        """Signals that tags have sent."""
        self.excused = False
        """An actor was rightly given up: this world cannot finish any more."""

    def published(self, process: Process, address: Address, body: bytes) -> None:
        """Remember tasks that left a journal."""
        if isinstance(address, ServiceQueue) and (address, body) in self._committed:
            message = decode(body).message
            assert isinstance(message, Task)
            self._tasks.add(message.task_id)
        super().published(process, address, body)

    # -- turns --------------------------------------------------------------------------------------------------------

    def wrote(self, queue: MailboxQueue, batch: Batch, repeated: bool) -> None:
        """A commit has just the events that its records imply; that they are all published is the auditor's to see."""
        super().wrote(queue, batch, repeated)
        if queue.kind == TAGS and not repeated:
            self._fan_out(batch)
        if repeated or queue.kind != self._house.kind:
            return
        for write in batch.actors:
            lane = f"{queue.kind}/{write.actor}"
            bodies = [one.body for one in batch.outbox if getattr(one.address, "lane", "") == lane]
            told = [event for event in map(cloud_events.decode, bodies) if isinstance(event, WorkflowEvent)]
            records = [journal.decode(data) for data in write.append]
            wrong = self._oracles[write.actor].disagrees(records, told) if write.run else ""
            self.trace.expect(not wrong, f"{write.actor}: {wrong}")

    def _fan_out(self, batch: Batch) -> None:
        """A tag sends each signal to each member once, whatever its receiver would do about a second copy."""
        for item in batch.outbox:
            envelope = decode(item.body) if isinstance(item.address, MailboxQueue) else None
            if envelope is not None and isinstance(envelope.message, Signal):
                fresh = envelope.id not in self._fanned
                self.trace.expect(fresh, f"a tag has sent {short(envelope)} before")
                self._fanned.add(envelope.id)

    def turned(self, queue: MailboxQueue, write: ActorWrite) -> None:
        """Every event stands once in its run's journal, and nothing blocks."""
        if queue.kind != self._house.kind:
            return
        if write.new_run:
            self._once.pop((write.actor, write.run), None)
        seen = self._once.setdefault((write.actor, write.run), set())
        commands = self._commands.setdefault((write.actor, write.run), [])
        for data in write.append:
            record = journal.decode(data)
            commands += [(record.number, command.number) for command in record.commands]
            if record.folded is not None:
                self._fold(write, record.number, record.folded, seen)
            asked = [f"{command.kind} {command.number}" for command in record.commands]
            names = [_name(event) for event in record.events]
            self.trace.note(
                f"  {write.actor}: turn {record.number} ran {record.ran}: {names} asks {asked} {write.status}"
            )
            for event in record.events:
                if isinstance(event, GivenUp):
                    self.given_up(queue, write.actor)
            for mark in _marks(record):
                self.trace.expect(mark not in seen, f"{write.actor}: {mark} stands twice in the journal")
                seen.add(mark)
            self._ended.setdefault((write.actor, write.run), set()).update(
                event.number for event in record.events if isinstance(event, CommandEnded)
            )
        if write.status == state.BLOCKED and not self.excused:
            self.trace.violate(f"{write.actor} is blocked: {state.decode(write.state).reason}")

    def _fold(self, write: ActorWrite, number: int, folded: Folded, seen: set[object]) -> None:
        """A fold stands for the turns before it, has their messages, and what they asked for has ended."""
        first = number - folded.turns + 1
        self.trace.note(f"  {write.actor}: turns {first} to {number} are folded, {write.dropped} records go")
        known = all(("record", turn) in seen for turn in range(first, number))
        self.trace.expect(known, f"{write.actor}: turns {first} to {number} are folded, not all of them were there")
        seen.update(("digest", digest) for digest, _ in folded.remembered)
        ended = self._ended.setdefault((write.actor, write.run), set())
        ended.update(command for turn, command in self._commands[write.actor, write.run] if turn >= first)

    def given_up(self, queue: MailboxQueue, actor: str) -> None:
        """Rightly or not, nothing mends it here."""
        super().given_up(queue, actor)
        self.excused = True

    # -- acknowledgements ---------------------------------------------------------------------------------------------

    def missing(self, queue: MailboxQueue, envelope: Envelope) -> str:
        """The journal has it, or it was of no use any more."""
        if queue.kind != self._house.kind:
            return ""
        kept = self._world.room().shelf(queue).actors.get(envelope.actor)
        message = envelope.message
        if isinstance(message, Start):
            run = run_of(queue.kind, envelope.actor, envelope.id)
            return "" if kept is not None and kept.run == run else f"run {run} was not begun"
        if kept is None or kept.closed:
            return ""
        if isinstance(message, Ended):
            late = message.number in self._ended.get((envelope.actor, envelope.run), set())
            return "" if late or envelope.run != kept.run else f"the end of command {message.number} is not journalled"
        if isinstance(message, Signal | AwaitResult):
            if message_digest(envelope.id) in _digests(kept):
                return ""
            if isinstance(message, AwaitResult) and state.decode(kept.state).outcome is not None:
                return ""
            return "it is not in the journal"
        return ""

    # -- effects ------------------------------------------------------------------------------------------------------

    def unfounded(self, process: Process, address: Address, envelope: Envelope) -> str:
        """A worker may answer for a task that came from a journal, retry it, or send it again after its lease."""
        message = envelope.message
        if isinstance(message, Ended) and envelope.id.endswith(".end.0"):
            return "" if f"{envelope.run}.{message.number}" in self._tasks else "nobody asked for that task"
        if isinstance(message, Task):
            return "" if message.task_id in self._tasks else "nobody asked for that task"
        if isinstance(message, Answer) and isinstance(address, ReplyQueue):
            return "no turn has committed this answer"
        return super().unfounded(process, address, envelope)

    # -- actors at rest -----------------------------------------------------------------------------------------------

    def compare(self, process: Process, queue: MailboxQueue, actor: str, live: object) -> None:
        """A cached instance is what its stored journal makes of it."""
        if not isinstance(live, Live):
            return
        record = self._world.room().shelf(queue).record(actor, journals=True)
        if record is None:
            self.trace.violate(f"{process.name} {actor}: cached, but not stored")
            return
        cached, stored = _portrait(live), self._replayed(actor, record)
        self.trace.expect(cached == stored, f"{process.name} {actor}: cached {cached}, stored {stored}")

    def _replayed(self, actor: str, record: ActorRecord) -> dict[str, object]:
        live, records = load(record, self._house.seen())
        if live.begun is not None and not live.state.is_closed and live.state.status != state.FAILED:
            live.instance = self._house.instance(actor, live)
            revive(live.instance, course_of(records).turns)
        portrait = _portrait(live)
        if live.instance is not None:
            live.instance.close()
        return portrait


def _name(event: Applied) -> str:
    number = getattr(event, "number", "")
    return f"{type(event).__name__}{f' {number}' if number != '' else ''}"


def _marks(record: Record) -> list[object]:
    """Return what may stand only once in the journal of a run."""
    marks: list[object] = [("record", record.number)]
    for event in record.events:
        if isinstance(event, TimerFired):
            marks.append(("timer", event.number))
        elif not isinstance(event, GivenUp):
            marks.append(("digest", event.digest))
        if isinstance(event, CommandEnded):
            marks.append(("ended", event.number))
    return [*marks, *(("command", command.number) for command in record.commands)]


def _digests(kept: Kept) -> set[bytes]:
    found: set[bytes] = set()
    for data in kept.journal:
        record = journal.decode(data)
        found.update(digest for digest, _ in (() if record.folded is None else record.folded.remembered))
        for event in record.events:
            if not isinstance(event, TimerFired | GivenUp):
                found.add(event.digest)
            if isinstance(event, Begun):
                found.update(event.passed)
    return found


def _portrait(live: Live) -> dict[str, object]:
    instance = live.instance
    pending = {} if instance is None else instance.operations.pending
    return {
        "state": state.encode(live.state),
        "seen": sorted(live.seen._digests),
        "waiters": [_waiter(waiter) for waiter in live.waiters],
        "unrun": [_name(event) for event in live.unrun],
        "pending": sorted((number, operation.kind, operation.name) for number, operation in pending.items()),
        "clock": None if instance is None else instance.loop.clock,
        "last": None if instance is None else instance.operations.last,
    }


def _waiter(waiter: ClientCaller | WorkflowCaller) -> str:
    return waiter.request if isinstance(waiter, ClientCaller) else f"{waiter.instance} {waiter.number}"
