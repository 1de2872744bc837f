"""Deliberate mistakes, patched into the real code one at a time: a simulation that misses one proves nothing.

The first nine are those of the model in tests/model.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final

import msgspec

from leveret_actors.mailbox import loop as loop_module
from leveret_actors.mailbox import tenure as tenure_module
from leveret_actors.mailbox import turns
from leveret_actors.mailbox import wake as wake_module
from leveret_actors.mailbox.cache import ActorCache
from leveret_actors.mailbox.loop import MailboxLoop
from leveret_actors.mailbox.tenure import Tenure
from leveret_actors.service.desk import Desk, Done
from leveret_actors.service.report import report as reported
from leveret_actors.store.memory import MemoryStore, Room
from leveret_actors.tag import fan as fan_module
from leveret_actors.workflow import replay as replay_module
from leveret_actors.workflow import unfolding
from leveret_actors.workflow.live import Seen
from leveret_actors.workflow.tail import Tail
from leveret_actors.workflow.telling import Teller
from tests.mailbox.tally import Live, TallyActors
from tests.simulation.outside import replaced

if TYPE_CHECKING:
    from leveret_actors.actor import Inbox, Turn
    from leveret_actors.mailbox.intake import AtHand
    from leveret_actors.store.contract import Batch, Committed, Due, Outbox, TakenOver
    from leveret_actors.store.shelf import Shelf
    from leveret_actors.workflow.instance import Instance
    from leveret_actors.workflow.journal import Folded
    from leveret_actors.workflow.operations import Operation
    from leveret_broker.address import MailboxQueue
    from leveret_broker.envelope import Task
    from leveret_broker.outcome import Outcome
    from leveret_broker.transport import Subscription, Transport


@dataclass(frozen=True, slots=True)
class Mutant:
    """One mistake."""

    mistake: str
    patches: Callable[[], list[tuple[Any, str, Any]]]
    worlds: str = "AB"
    """Where it can be made."""

    def applied(self) -> AbstractContextManager[None]:
        """Make the mistake for a while."""
        return replaced(self.patches())


def _ack_before_commit() -> list[tuple[Any, str, Any]]:
    original = MailboxLoop._batch

    async def batch(self: MailboxLoop, tenure: Tenure, at_hand: AtHand, subscription: Subscription) -> bool:
        subscription.acknowledge(list(at_hand._deliveries))
        done: Any = SimpleNamespace(acknowledge=lambda _deliveries: None)
        return await original(self, tenure, at_hand, done)

    return [(MailboxLoop, "_batch", batch)]


def _no_fence() -> list[tuple[Any, str, Any]]:
    def fenced(self: Room, queue: MailboxQueue, epoch: int) -> Shelf:
        return self.shelf(queue)

    return [(Room, "fenced", fenced)]


def _no_recovery() -> list[tuple[Any, str, Any]]:
    original = Tenure.__init__

    def init(self: Tenure, taken: TakenOver, *rest: Any) -> None:
        original(self, msgspec.structs.replace(taken, pending=()), *rest)

    return [(Tenure, "__init__", init)]


def _settle_before_confirm() -> list[tuple[Any, str, Any]]:
    def send(self: Tenure, outbox: Outbox) -> None:
        self._confirmed.append(outbox.id)
        tenure_module.publish(self._transport, outbox.items, lambda _item, _future: None)

    return [(Tenure, "send", send)]


def _outbox_outside() -> list[tuple[Any, str, Any]]:
    original = MemoryStore.commit

    async def commit(self: MemoryStore, queue: MailboxQueue, epoch: int, batch: Batch) -> Committed:
        return await original(self, queue, epoch, msgspec.structs.replace(batch, outbox=()))

    return [(MemoryStore, "commit", commit)]


def _timer_before_commit() -> list[tuple[Any, str, Any]]:
    original = MemoryStore.due

    async def due(self: MemoryStore, queue: MailboxQueue, limit: int) -> Due:
        found = await original(self, queue, limit)
        for timer in found.timers:
            self.room.shelf(queue)._unset(timer.actor, timer.run, timer.number)
        return found

    return [(MemoryStore, "due", due)]


def _warm_take_over() -> list[tuple[Any, str, Any]]:
    return [(ActorCache, "forget", lambda _self, _queue: [])]


class _Forgetful(list[str]):
    """Contains nothing, whatever is in it."""

    def __contains__(self, item: object) -> bool:
        return False


def _no_dedupe() -> list[tuple[Any, str, Any]]:
    original = TallyActors.decide

    def decide(self: TallyActors, queue: MailboxQueue, inbox: Inbox, clock: float) -> Turn:
        if inbox.live is None:
            inbox.live = Live([record.decode() for record in inbox.record.journal] if inbox.record else [])
        inbox.live.seen = _Forgetful(inbox.live.seen)
        return original(self, queue, inbox, clock)

    return [(TallyActors, "decide", decide), (Seen, "__contains__", lambda _self, _digest: False)]


def _no_wake() -> list[tuple[Any, str, Any]]:
    def nothing(transport: Transport, queue: MailboxQueue) -> None:
        """Send no wake envelope."""

    return [(loop_module, "wake", nothing), (wake_module, "wake", nothing)]


def _marks_stay() -> list[tuple[Any, str, Any]]:
    original = turns.batch_of

    def batch_of(*decided: Any, **rest: Any) -> Batch:
        return msgspec.structs.replace(original(*decided, **rest), survived=())

    return [(turns, "batch_of", batch_of)]


def _worker_forgets() -> list[tuple[Any, str, Any]]:
    def report(self: Desk, body: bytes, task: Task, outcome: Outcome, done: Done) -> None:
        done()
        sending = reported(task, outcome, self._worker, self._clock())
        if sending is not None:
            self._transport.publish(*sending)

    return [(Desk, "report", report)]


def _fold_forgets_messages() -> list[tuple[Any, str, Any]]:
    return [(Seen, "last", lambda _self, _count: ())]


def _fold_forgets_numbers() -> list[tuple[Any, str, Any]]:
    original = unfolding.unfold

    def unfold(instance: Instance, number: int, at: float, folded: Folded) -> None:
        last = instance.operations.last
        original(instance, number, at, folded)
        instance.operations.last = last

    return [(replay_module, "unfold", unfold)]


def _fold_takes_what_runs() -> list[tuple[Any, str, Any]]:
    return [(Tail, "_goes_on", lambda _self: False)]


def _ends_untold() -> list[tuple[Any, str, Any]]:
    return [(Teller, "steps", lambda _self, _instance, _seen: None)]


def _told_twice() -> list[tuple[Any, str, Any]]:
    original = Teller._issued

    def issued(self: Teller, operation: Operation) -> None:
        original(self, operation)
        original(self, operation)

    return [(Teller, "_issued", issued)]


def _fans_out_twice() -> list[tuple[Any, str, Any]]:
    return [(fan_module, "remembers", lambda _recent, _digest: False)]


MUTANTS: Final = {
    "ack_before_commit": Mutant("acknowledges before it decides", _ack_before_commit),
    "no_fence": Mutant("commits without comparing the epoch", _no_fence),
    "no_recovery": Mutant("a new owner does not publish the pending outboxes", _no_recovery),
    "settle_before_confirm": Mutant("settles an outbox before the broker has confirmed it", _settle_before_confirm),
    "outbox_outside": Mutant("keeps the outbox in memory, not in the commit", _outbox_outside),
    "timer_before_commit": Mutant("removes a due timer when it is taken", _timer_before_commit),
    "warm_take_over": Mutant("keeps cached actors when it takes the queue over again", _warm_take_over),
    "no_dedupe": Mutant("applies a message that the journal has", _no_dedupe),
    "no_wake": Mutant("takes over only when a message happens to arrive", _no_wake),
    "marks_stay": Mutant("leaves the attempt marks of actors that had only duplicates", _marks_stay, "A"),
    "fold_forgets_messages": Mutant("folds without the ids of messages", _fold_forgets_messages, "B"),
    "fold_forgets_numbers": Mutant("gives numbers of folded commands away again", _fold_forgets_numbers, "B"),
    "fold_takes_what_runs": Mutant("folds methods that have not ended", _fold_takes_what_runs, "B"),
    "ends_untold": Mutant("tells no ends of what the code had asked for", _ends_untold, "B"),
    "told_twice": Mutant("tells what the code asks for once more, under another id", _told_twice, "B"),
    "fans_out_twice": Mutant("sends what comes again to a tag to all of its members again", _fans_out_twice, "C"),
    "worker_forgets": Mutant("acknowledges a task before its outcome is confirmed", _worker_forgets, "B"),
}
