"""The turn protocol, searched over every interleaving: `python -m tests.model.turn_model [MUTANT]`.

One mailbox queue carries actor A (messages m1 and m3, and a timer t) and actor B (message m2). Two nodes each may
crash, or be cut off from the broker while they go on deciding. The store fences commits by the queue's epoch; the
broker delivers again whatever was not acknowledged. In every reachable state the promises hold; a state that only a
fault can leave has everything done.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple, TypeAlias

TIMER: Final = "t"
INPUTS: Final = frozenset({"m1", "m2", "m3", TIMER})
FAULTS: Final = 2
"""Crashes and cuts in one history: a third finds nothing that two do not, and takes ten times as long."""
BATCH: Final = 2
"""Most inputs of one turn."""


class Mistake(StrEnum):
    """What an implementation may get wrong."""

    NONE = ""
    ACK_BEFORE_COMMIT = "ack_before_commit"
    NO_FENCE = "no_fence"
    NO_RECOVERY = "no_recovery"
    SETTLE_BEFORE_CONFIRM = "settle_before_confirm"
    OUTBOX_OUTSIDE = "outbox_outside"
    TIMER_BEFORE_COMMIT = "timer_before_commit"
    WARM_TAKE_OVER = "warm_take_over"
    NO_DEDUPE = "no_dedupe"
    NO_WAKE = "no_wake"


class Phase(StrEnum):
    """Where in its turn a node is."""

    IDLE = "idle"
    DECIDED = "decided"
    COMMITTED = "committed"


class Node(NamedTuple):
    """One node, as far as this queue goes."""

    up: bool = True
    linked: bool = True
    """It has its connection to the broker."""
    epoch: int = -1
    """The one it believes to own the queue in; -1 is none."""
    journal: tuple[str, ...] = ()
    """What its cached actors have seen."""
    turn: tuple[str, ...] = ()
    """Inputs at hand."""
    phase: Phase = Phase.IDLE
    owed: frozenset[str] = frozenset()
    """Inputs whose effects it has to publish."""
    confirmed: frozenset[str] = frozenset()
    """Published; settled with a later write."""


class State(NamedTuple):
    """Broker, store, both nodes."""

    ready: tuple[str, ...] = ("m1", "m2", "m3")
    held: tuple[tuple[str, int], ...] = ()
    """Delivered to a node, not acknowledged."""
    active: int = 0
    """The broker's single active consumer."""
    epoch: int = 0
    journal: tuple[str, ...] = ()
    pending: frozenset[str] = frozenset()
    """Committed effects that are not settled."""
    timer: bool = True
    """The timer stands in the store."""
    sent: frozenset[str] = frozenset()
    """Effects that have reached their receivers."""
    nodes: tuple[Node, Node] = (Node(), Node())
    faults: int = FAULTS

    def node(self, i: int, node: Node) -> State:
        """Return this with another node `i`."""
        return self._replace(nodes=(node, self.nodes[1]) if i == 0 else (self.nodes[0], node))

    def disconnected(self, i: int) -> State:
        """Return this with node `i` gone from the broker: its deliveries go back, the other becomes active."""
        back = tuple(message for message, holder in self.held if holder == i)
        state = self._replace(
            ready=tuple(sorted(back + self.ready)), held=tuple(pair for pair in self.held if pair[1] != i)
        )
        return state._replace(active=1 - i) if state.active == i else state


Move: TypeAlias = tuple[str, State]


@dataclass(frozen=True, slots=True)
class Model:
    """The protocol, with at most one mistake."""

    mistake: Mistake = Mistake.NONE

    def moves(self, state: State) -> Iterator[Move]:
        """Yield all that can happen next, faults included."""
        for i in (0, 1):
            node = state.nodes[i]
            yield from self._faults(state, i, node)
            if not node.up:
                yield f"restart {i}", state.node(i, Node())
                continue
            yield from self._connection(state, i, node)
            if node.epoch >= 0:
                yield from self._intake(state, i, node)
                yield from self._commit(state, i, node)
                yield from self._outbox(state, i, node)

    def _faults(self, state: State, i: int, node: Node) -> Iterator[Move]:
        if not state.faults or not node.up:
            return
        after = state.disconnected(i)._replace(faults=state.faults - 1)
        yield f"crash {i}", after.node(i, Node(up=False))
        if node.linked:
            yield f"cut {i}", after.node(i, node._replace(linked=False))

    def _connection(self, state: State, i: int, node: Node) -> Iterator[Move]:
        if not node.linked:
            if node.phase is Phase.IDLE and not node.turn:
                fresh = node._replace(linked=True, epoch=-1, owed=frozenset(), confirmed=frozenset())
                yield f"relink {i}", state.node(i, fresh)
            return
        awake = state.ready or self.mistake is not Mistake.NO_WAKE
        if state.active == i and node.epoch < 0 and awake:
            warm = self.mistake is Mistake.WARM_TAKE_OVER and node.journal
            owed = frozenset[str]() if self.mistake is Mistake.NO_RECOVERY else state.pending
            owner = Node(
                epoch=state.epoch + 1,
                journal=node.journal if warm else state.journal,
                phase=Phase.COMMITTED if owed else Phase.IDLE,
                owed=owed,
            )
            yield f"take over {i}", state._replace(epoch=state.epoch + 1).node(i, owner)

    def _intake(self, state: State, i: int, node: Node) -> Iterator[Move]:
        if node.phase is not Phase.IDLE:
            return
        if len(node.turn) < BATCH:
            if node.linked and state.active == i and state.ready:
                message = state.ready[0]
                early = self.mistake is Mistake.ACK_BEFORE_COMMIT
                held = state.held if early else (*state.held, (message, i))
                after = state._replace(ready=state.ready[1:], held=held)
                yield f"deliver {message} to {i}", after.node(i, node._replace(turn=(*node.turn, message)))
            if state.timer and TIMER not in node.turn:
                after = state._replace(timer=self.mistake is not Mistake.TIMER_BEFORE_COMMIT)
                yield f"timer fires at {i}", after.node(i, node._replace(turn=(*node.turn, TIMER)))
        if node.turn:
            yield f"decide at {i}", state.node(i, node._replace(phase=Phase.DECIDED))
            if not node.linked and TIMER not in node.turn:
                yield f"drop the batch {i}", state.node(i, Node(linked=False, journal=node.journal))

    def _commit(self, state: State, i: int, node: Node) -> Iterator[Move]:
        if node.phase is not Phase.DECIDED:
            return
        if state.epoch != node.epoch and self.mistake is not Mistake.NO_FENCE:
            yield f"fenced {i}", (state.disconnected(i) if node.linked else state).node(i, Node())
            return
        twice = self.mistake is Mistake.NO_DEDUPE
        new = tuple(one for one in node.turn if twice or one not in node.journal)
        effects = frozenset(new)
        outside = self.mistake is Mistake.OUTBOX_OUTSIDE
        owner = node._replace(phase=Phase.COMMITTED, turn=(), journal=node.journal + new, owed=node.owed | effects)
        stored = state._replace(
            journal=state.journal + new,
            pending=state.pending if outside else state.pending | effects,
            timer=state.timer and TIMER not in node.turn,
        )
        left = tuple(pair for pair in state.held if not (node.linked and pair[1] == i and pair[0] in node.turn))
        yield f"commit {'+'.join(new) or 'nothing'} at {i}", stored._replace(held=left).node(i, owner)
        if node.linked and state.faults:
            cut = stored.disconnected(i)._replace(faults=state.faults - 1)
            label = f"commit {'+'.join(new) or 'nothing'} at {i}, cut before the acknowledgement"
            yield label, cut.node(i, owner._replace(linked=False))

    def _outbox(self, state: State, i: int, node: Node) -> Iterator[Move]:
        owns = state.epoch == node.epoch
        if node.phase is Phase.COMMITTED:
            if self.mistake is Mistake.SETTLE_BEFORE_CONFIRM and owns and node.owed & state.pending:
                yield f"settle too early at {i}", state._replace(pending=state.pending - node.owed)
            if node.linked:
                for effect in sorted(node.owed):
                    rest = node._replace(owed=node.owed - {effect}, confirmed=node.confirmed | {effect})
                    yield f"publish {effect} from {i}", state._replace(sent=state.sent | {effect}).node(i, rest)
            if not node.owed:
                yield f"next at {i}", state.node(i, node._replace(phase=Phase.IDLE))
            elif not node.linked:
                yield f"give up at {i}", state.node(i, Node(linked=False, journal=node.journal))
        if node.confirmed and owns:
            settled = state._replace(pending=state.pending - node.confirmed)
            yield f"settle at {i}", settled.node(i, node._replace(confirmed=frozenset()))


def broken(state: State) -> str:
    """Return which promise does not hold in this state; empty when all do."""
    if len(set(state.journal)) != len(state.journal):
        return "an event stands twice in the journal"
    if not state.sent <= set(state.journal):
        return "an effect left without standing in the journal"
    for node in state.nodes:
        if node.epoch == state.epoch and node.phase is Phase.IDLE and node.journal != state.journal:
            return "the owner's actors differ from the journal"
    return ""


def done(state: State) -> bool:
    """Tell whether everything is journalled and its effects are out."""
    return set(state.journal) == INPUTS and state.sent == INPUTS


class Found(NamedTuple):
    """What a search came to."""

    states: int
    violation: str = ""
    trace: tuple[str, ...] = ()
    """How to get there, shortest first."""


def search(model: Model, faults: int = FAULTS) -> Found:
    """Visit every reachable state, the nearest first, until a promise is broken."""
    start = State(faults=faults)
    origin: dict[State, tuple[State, str] | None] = {start: None}
    queue = deque([start])
    while queue:
        state = queue.popleft()
        moves = list(model.moves(state))
        why = broken(state)
        if not why and not done(state) and not any(_helps(state, label, after) for label, after in moves):
            why = f"nothing can move and work is left: journal {state.journal}, sent {sorted(state.sent)}"
        if why:
            return Found(len(origin), why, _trace(origin, state))
        for label, after in moves:
            if after not in origin:
                origin[after] = (state, label)
                queue.append(after)
    return Found(len(origin))


def _helps(state: State, label: str, after: State) -> bool:
    return after != state and not label.startswith(("crash", "cut"))


def _trace(origin: dict[State, tuple[State, str] | None], state: State) -> tuple[str, ...]:
    labels: list[str] = []
    while (step := origin[state]) is not None:
        state, label = step
        labels.append(label)
    return tuple(reversed(labels))


if __name__ == "__main__":
    found = search(Model(Mistake(sys.argv[1] if len(sys.argv) > 1 else "")))
    print(f"{found.states} states: {found.violation or 'no violation'}", *found.trace, sep="\n  ")
    sys.exit(bool(found.violation))
