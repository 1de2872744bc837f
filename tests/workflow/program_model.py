"""What random programs must do: a model that knows neither asyncio nor the engine.

A strand is a generator that yields what it waits for. A turn applies its events one after another, in the order of
their `rank`, then lets each strand go as far as it gets.
"""

from __future__ import annotations

import itertools
from collections.abc import Generator, Iterable, Iterator
from typing import Any

from tests.workflow.program_waits import Cancelled, Failed, Op, Slot, TimedOut, Wait

Statement = list[Any]
Steps = Generator[Wait, Any, None]


class Strand:
    """One strand of a program."""

    def __init__(self, model: Model, index: int, statements: list[Statement]) -> None:
        self.model = model
        self.index = index
        self.log: list[Any] = []
        self.ops: list[Op] = []
        self.slots: dict[int, Slot] = {}
        self.unread: list[tuple[int, int]] = []
        self.labels = itertools.count(1)
        self.deadline: Op | None = None
        self.cancelled = False
        """In this turn."""
        self.wait: Wait | None = None
        self.end = ""
        self.steps = self.run(statements)

    # -- going on -----------------------------------------------------------------------------------------------------

    def advance(self) -> None:
        """Go as far as it gets in this turn."""
        resume: Any = lambda: next(self.steps)  # noqa: E731 - the first time
        while not self.end:
            if self.wait is not None:
                resume = self._resumption(self.wait)
                if resume is None:
                    return
            try:
                wait: Wait = resume()
                self.wait = wait
                for op in wait.ops:
                    op.rank = 0 if not op.is_open else op.rank  # what has ended before is looked at in its position
            except StopIteration:
                self.end = "NoneType"
            except Cancelled:
                self.end = "CancelledError"
            except Failed as error:
                self.end = str(error)

    def _resumption(self, wait: Wait) -> Any:
        if self.cancelled:
            self.cancelled = False
            self._give_up(wait)
            return lambda: self.steps.throw(Cancelled())
        deadline = self.deadline
        if deadline is not None and deadline.has_value:
            late = wait.takes_a_step_more or wait.ops[0].is_open or wait.ops[0].rank > deadline.rank
            if late:
                decided = None if wait.how == "sleep" else wait.outcome(deadline.rank)
                if decided is None:
                    self._give_up(wait)
                else:  # too late for who waited, but in time for the others
                    self._lose_others(wait, decided)
                    self._lose_all([wait.ops[index] for index in decided])
                return lambda: self.steps.throw(TimedOut())
        decided = wait.outcome()
        return None if decided is None else lambda: self._decide(wait, decided)

    def _decide(self, wait: Wait, decided: tuple[int, ...]) -> Wait:
        self._lose_others(wait, decided)
        try:
            values = [wait.ops[index].result() for index in decided]
        except (Cancelled, Failed) as error:
            return self.steps.throw(error)
        if wait.how == "first":
            return self.steps.send([wait.names[decided[0]], values[0]])
        return self.steps.send(values if wait.how == "all" else values[0])

    def _lose_others(self, wait: Wait, decided: tuple[int, ...]) -> None:
        if wait.how not in {"first", "all"} or (wait.how == "first" and not wait.ops[decided[-1]].has_value):
            return
        for index, (op, slot) in enumerate(zip(wait.ops, wait.slots, strict=True)):
            if index not in decided:
                self._lose(op, slot)

    def _lose_all(self, ops: list[Op]) -> None:
        """What nobody saw is there for others."""
        for op in ops:
            if op.kind == "receive" and op.has_value:
                self._give_back(op)

    def _lose(self, op: Op, slot: Slot | None) -> None:
        """A part that is needed no more: only what costs or steals is withdrawn."""
        if op.kind == "receive":
            self._give_back(op) if op.has_value else self.cancel(op)
        elif op.kind == "timer" and op.is_open:
            assert slot is not None
            slot.lost = True
            self.cancel(op)

    def _give_up(self, wait: Wait) -> None:
        for op in wait.ops:
            self.cancel(op)
        self._lose_all(wait.ops)

    def _give_back(self, op: Op) -> None:
        assert op.signal is not None
        self.unread = sorted([op.signal, *self.unread])
        op.signal = None
        for other in self.ops:
            self._serve(other)

    def interrupt(self) -> None:
        """The instance is cancelled: at once for a single operation, with the next step for a combination."""
        if self.end:
            return
        self.cancelled = True
        if self.wait is not None and self.wait.how == "one":
            self.cancel(self.wait.ops[0])

    # -- operations ---------------------------------------------------------------------------------------------------

    def open(self, kind: str, *, label: str = "", due: float = 0.0) -> Op:
        op = Op(kind, self.model.turns, len(self.ops), label, due)
        self.ops.append(op)
        return op

    def receive(self) -> Op:
        op = self.open("receive")
        self._serve(op)
        return op

    def _serve(self, op: Op) -> None:
        if op.kind == "receive" and op.is_open and self.unread:
            op.signal = self.unread.pop(0)
            op.status, op.value = "completed", op.signal[1]

    def cancel(self, op: Op) -> None:
        if op.is_open:
            op.status, op.withdrawn, op.void = "cancelled", True, op.born == self.model.turns
            if op.label and not op.void:
                self.model.called_off.add(op.label)

    def timers(self) -> list[Op]:
        return [op for op in self.ops if op.due and op.is_open]

    def spawned(self, kind: str, seconds: int) -> Slot:
        due = self.model.clock + seconds
        if kind == "receive":
            return Slot(self.receive(), self.receive)
        if kind == "timer":
            return Slot(self.open(kind, due=due), lambda: self.open(kind, due=due))
        label = f"{self.index}.{next(self.labels)}"
        op = self.open("child" if kind == "child" else "task", label=label, due=due if kind == "timed" else 0.0)
        return Slot(op, lambda: op)

    # -- statements ---------------------------------------------------------------------------------------------------

    def run(self, statements: list[Statement]) -> Steps:
        for name, *details in statements:
            yield from getattr(self, f"do_{name}")(*details)

    def do_await(self, what: Statement, catch: bool) -> Steps:
        wait = self.waiting(*what)
        try:
            self.log.append("nothing" if wait is None else (yield wait))
        except Failed as error:
            self.log.append(str(error))
            if not catch:
                raise

    def do_within(self, seconds: int, what: Statement) -> Steps:
        self.deadline = deadline = self.open("deadline", due=self.model.clock + seconds)
        try:
            yield from self.do_await(what, catch=True)
        except TimedOut:
            self.log.append("TimeoutError")
        finally:
            self.cancel(deadline)
            self.deadline = None

    def do_spawn(self, slot: int, kind: str, seconds: int) -> Steps:
        self.slots[slot] = self.spawned(kind, seconds)
        yield from ()

    def do_drop(self, slot: int) -> Steps:
        if slot in self.slots:
            self.cancel(self.slots[slot].op)
        yield from ()

    def do_status(self, slot: int) -> Steps:
        if slot in self.slots:
            self.log.append(self.slots[slot].op.status)
        yield from ()

    def do_guard(self, swallow: bool, body: list[Statement], cleanup: list[Statement]) -> Steps:
        try:
            yield from self.run(body)
        except Cancelled:
            self.log.append("cleanup")
            yield from self.run(cleanup)
            if not swallow:
                raise

    def waiting(self, kind: str, *details: Any) -> Wait | None:
        if kind == "new":
            slot = self.spawned(*details)
            return Wait("one", [slot.take()], [slot])
        if kind == "sleep":
            return Wait("sleep", [self.open("timer", due=self.model.clock + details[0])], [None])
        chosen = [number for number in details[0] if number in self.slots]
        if not chosen:
            return None
        parts = [self.slots[number] for number in (chosen[:1] if kind == "one" else chosen)]
        return Wait(kind, [part.take() for part in parts], list(parts), [f"s{number}" for number in chosen])


class Model:
    """A program, and the world around it."""

    def __init__(self, program: list[list[Statement]], clock: float) -> None:
        self.clock = clock
        self.turns = 1
        self.cancelled = False
        self.called_off: set[str] = set()
        self.accepted = itertools.count()
        self.ranks = itertools.count(1)
        self.strands = [Strand(self, index, statements) for index, statements in enumerate(program)]
        for strand in self.strands:
            strand.advance()

    def turn(self, clock: float, events: Iterable[tuple[str, Any, Any]]) -> None:
        """Take what is due and what has come, in this order."""
        self.clock = clock
        self.turns += 1
        due = [op for strand in self.strands for op in strand.timers() if op.due <= clock]
        for op in sorted(due, key=lambda op: (op.due, op.order)):
            self._fire(op, next(self.ranks))
        for name, what, value in events:
            self._event(name, what, value, next(self.ranks))
        for strand in self.strands:
            strand.advance()

    def _fire(self, op: Op, rank: int) -> None:
        op.status, op.rank = ("timed_out" if op.kind == "task" else "completed"), rank
        if op.kind == "task":
            self.called_off.add(op.label)

    def _event(self, name: str, what: Any, value: Any, rank: int) -> None:
        if name == "cancel" and not self.cancelled:
            self.cancelled = True
            for strand in self.strands:
                strand.interrupt()
        elif name == "signal" and what < len(self.strands):
            strand = self.strands[what]
            strand.unread.append((next(self.accepted), value))
            for op in strand.ops:
                if op.kind == "receive" and op.is_open and strand.unread:
                    strand._serve(op)
                    op.rank = rank
        elif name in {"completed", "failed", "cancelled"}:
            for op in self._open(what):
                op.status, op.value, op.rank = name, value, rank
                if name == "cancelled":
                    self.called_off.add(op.label)

    def _open(self, label: str) -> Iterator[Op]:
        return (op for strand in self.strands for op in strand.ops if op.label == label and op.is_open)

    # -- what must be seen --------------------------------------------------------------------------------------------

    @property
    def is_over(self) -> bool:
        return all(strand.end for strand in self.strands)

    @property
    def sent(self) -> list[str]:
        return sorted(op.label for strand in self.strands for op in strand.ops if op.label and not op.void)

    @property
    def open(self) -> list[str]:
        return sorted(op.label for strand in self.strands for op in strand.ops if op.label and op.is_open)

    @property
    def timers(self) -> list[float]:
        return sorted(op.due for strand in self.strands for op in strand.timers())

    @property
    def logs(self) -> list[list[Any]]:
        return [strand.log for strand in self.strands]

    @property
    def value(self) -> list[list[Any]]:
        return [*self.logs, ["cancelled"] if self.cancelled else [strand.end for strand in self.strands]]
