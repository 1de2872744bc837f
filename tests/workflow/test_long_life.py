"""One instance that gets 100 000 calls is loaded from a journal of a few hundred records."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import pytest
from loguru import logger

from leveret import workflow
from leveret_actors.actor import Inbox
from leveret_actors.store.contract import ActorRecord, Batch, Store
from leveret_actors.store.memory import MemoryStore
from leveret_actors.workflow import EngineSettings, WorkflowActors, state
from leveret_broker.address import MailboxQueue
from leveret_broker.envelope import Call, ClientCaller, Envelope, Message, Start
from tests.workflow.card import Card
from tests.workflow.harness import CODEC, START

QUEUE = MailboxQueue("Card", 0)
CALLS = 100_000


@dataclass
class Life:
    """One card in a store, and what its turns took."""

    store: Store
    actors: WorkflowActors
    epoch: int
    live: Any = None
    turns: int = 0
    seconds: float = 0.0

    async def turn(self, message: Message, message_id: str) -> Any:
        """Take one message in a turn of its own; returns the turn."""
        began = time.perf_counter()
        record = (await self.store.load(QUEUE, ["u1"]))[0] if self.live is None else None
        inbox = Inbox("u1", [Envelope(message_id, "u1", message)], [], live=self.live, record=record)
        turn = self.actors.decide(QUEUE, inbox, START + self.turns * 0.01)
        self.seconds += time.perf_counter() - began
        if turn.write is not None:
            await self.store.commit(QUEUE, self.epoch, Batch(id=f"b{self.turns}", actors=(turn.write,)))
        self.live = turn.live
        self.turns += 1
        return turn

    async def kept(self) -> ActorRecord:
        """Return what the store has."""
        (record,) = await self.store.load(QUEUE, ["u1"])
        assert record is not None
        return record


async def lived(name: str, calls: int, fold_after: int) -> Life:
    """A card after so many calls."""
    store = MemoryStore(name)
    await store.open()
    settings = EngineSettings(fold_after=fold_after)
    actors = WorkflowActors("Card", {1: workflow.definition_of(Card)}, CODEC, settings=settings)
    life = Life(store, actors, (await store.take_over(QUEUE, "node")).epoch)
    await life.turn(Start("run", CODEC.dump({})), "start")
    arguments = CODEC.dump({"points": 1})
    for number in range(calls):
        await life.turn(Call("add", arguments, ClientCaller("client", str(number))), f"a{number}")
    return life


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_an_instance_with_100_000_calls_behind_it_loads_from_a_bounded_journal(namespace: str) -> None:
    life = await lived(namespace, CALLS, 500)

    record = await life.kept()
    head = state.decode(record.state)
    live_seconds = life.seconds
    life.actors.drop(life.live)
    life.live, life.seconds = None, 0.0
    turn = await life.turn(Call("add", CODEC.dump({"points": 1}), ClientCaller("client", "last")), "last")

    logger.info("{:.1f} µs a turn, {:.0f} ms to load cold", live_seconds / CALLS * 1e6, life.seconds * 1e3)
    logger.info("{} records, {} bytes, {} entries", len(record.journal), sum(map(len, record.journal)), head.entries)
    assert CODEC.load(turn.posts[0].envelope.message.outcome.value) == CALLS + 1
    assert head.records == CALLS + 1
    assert len(record.journal) == head.records - head.folded <= 2 + 500
    assert head.entries <= 2 + 500
    # Digests (10 000 of 8 bytes and a time) and outcomes (1 000) in the fold, and 500 records.
    assert head.journal_bytes == sum(map(len, record.journal)) < 400_000
