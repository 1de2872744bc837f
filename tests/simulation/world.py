"""Processes that are started, killed and started again until everything is done, or a promise is broken."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from random import Random
from typing import Any, Final, TypeVar

from loguru import logger

from leveret_actors.store import memory as memory_store
from leveret_broker.embedded import hub as memory_hub
from tests.simulation.auditor import Auditor
from tests.simulation.loop import RUNNING, Process, SimulatedLoop
from tests.simulation.outside import EPOCH, simulated_outside
from tests.simulation.plan import Chances, Plan
from tests.simulation.shelves import SimulatedRoom, SimulatedStore
from tests.simulation.trace import Trace, Violation
from tests.simulation.wire import SimulatedHub, SimulatedTransport

T = TypeVar("T")

HUB: Final = "simulation"
MOST_CRASHES: Final = 3
"""Beyond these nobody dies by chance: an actor is given up after as many."""
MOST_STEPS: Final = 200_000


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a world ended."""

    seed: int
    steps: int
    seconds: float
    digest: str
    violation: str
    story: str
    """The fault schedule and the last lines of the trace."""

    def check(self) -> None:
        """Raise `Violation` if a promise was broken."""
        if self.violation:
            raise Violation(f"seed {self.seed}: {self.violation}\n{self.story}")


class InlineStepper:
    """Runs the deciding code between two awaits."""

    async def run(self, function: Callable[[], T]) -> T:
        """Give way, run, give way."""
        await asyncio.sleep(0)
        answer = function()
        await asyncio.sleep(0)
        return answer

    def close(self) -> None:
        """Hold nothing."""


class Seat:
    """A place for one node, which may live there several times."""

    def __init__(self, index: int) -> None:
        """Begin empty."""
        self.index = index
        self.lives = 0
        self.process: Process | None = None
        self.transport: SimulatedTransport | None = None
        self.stop: Callable[[], None] = lambda: None
        """Begins a graceful stop."""


class World(ABC):
    """One seed: two nodes, a client, a broker, a store, and what goes wrong."""

    nodes: int = 2
    gap: float = 150.0
    """Mean number of steps between two blows."""
    most_seconds: float = 400.0
    """Simulated seconds after which everything must be done."""
    auditor: Auditor

    def __init__(self, seed: int, *, echo: bool = False) -> None:
        """Draw the plan; nothing runs yet."""
        self.seed = seed
        self.random = Random(seed)
        self.loop = SimulatedLoop(self.random, self._after_step)
        self.trace = Trace(self._where, echo=echo)
        self.plan = Plan.drawn(self.random, self.nodes, self.gap)
        self.chances = Chances(self.random, self.plan, self.trace.note)
        self.crashes = 0
        self.seats = [Seat(index) for index in range(self.nodes)]
        self._strikes = list(self.plan.strikes)
        self._mending = 0
        self._doomed: Process | None = None
        self._fate, self._broker = Process("world"), Process("broker")
        self.loop.processes += [self._fate, self._broker]

    # -- what each world is made of -----------------------------------------------------------------------------------

    @abstractmethod
    async def serve(self, seat: Seat, transport: SimulatedTransport, store: SimulatedStore) -> None:
        """Be a node until `seat.stop` was called."""

    @abstractmethod
    def begin(self) -> None:
        """Start the clients."""

    @abstractmethod
    def left(self) -> str:
        """Say what is not done yet; empty at the end."""

    # -- running ------------------------------------------------------------------------------------------------------

    def run(self) -> Outcome:
        """Play until everything is done, a promise is broken or the time is over."""
        logger.disable("leveret_actors")
        logger.disable("leveret_broker")
        try:
            with simulated_outside(self.random, self.loop.time):
                self._fate.context.copy().run(self._play)
        finally:
            self.loop.close()
            memory_hub.forget_hub(HUB)
            memory_store.forget_room(HUB)
            logger.enable("leveret_actors")
            logger.enable("leveret_broker")
        story = "\n".join([*self.plan.lines(), *self.trace.lines()])
        return Outcome(self.seed, self.loop.steps, self.loop.time(), self.trace.digest(), self.trace.violation, story)

    def _play(self) -> None:
        memory_hub._hubs[HUB] = SimulatedHub(self.auditor, self.chances, self._broker)
        memory_store._rooms[HUB] = SimulatedRoom(self.auditor)
        self.auditor.on_moment = self._moment
        self.loop.set_exception_handler(self._unhandled)
        for seat in self.seats:
            self._boot(seat)
        self.begin()
        self.loop.run_forever()
        if self.loop.idle and self.left():
            self.trace.violate(f"nothing can move and work is left: {self.left()}")
        self.loop.bury()

    def clock(self) -> float:
        """Return the store's and everybody's Unix time."""
        return EPOCH + self.loop.time()

    def room(self) -> SimulatedRoom:
        """Return what the stores share."""
        room = memory_store._rooms[HUB]
        assert isinstance(room, SimulatedRoom)
        return room

    def hub(self) -> SimulatedHub:
        """Return what the transports share."""
        hub = memory_hub._hubs[HUB]
        assert isinstance(hub, SimulatedHub)
        return hub

    def transport(self) -> SimulatedTransport:
        """Return a new connection to the broker."""
        return SimulatedTransport(HUB, self.clock, self.auditor, self.chances)

    def start(self, name: str, main: Callable[[], Coroutine[Any, Any, None]]) -> Process:
        """Start a process; an error that ends it is a violation."""

        async def life() -> None:
            try:
                await main()
            except Exception as error:
                if not RUNNING.get().dead:
                    self.trace.violate(f"{name} ended: {type(error).__name__}: {error}")

        return self.loop.start(name, life)

    def _where(self) -> str:
        return f"{self.loop.steps:5} {self.loop.time():9.4f} {RUNNING.get().name:8}"

    def _unhandled(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        self.trace.violate(f"{context.get('message')}: {type(error).__name__}: {error}")

    # -- nodes --------------------------------------------------------------------------------------------------------

    def _boot(self, seat: Seat) -> None:
        seat.lives += 1
        name = f"node{seat.index}.{seat.lives}"
        transport = self.transport()
        store = SimulatedStore(HUB, self.clock, self.auditor, self.chances)
        transport.on_cut = lambda: self._cut(seat, transport, self.random.random() * 3)

        async def main() -> None:
            await self.serve(seat, transport, store)
            self.trace.note("has stopped")
            if seat.process is process:
                self._later(self.random.random(), lambda: self._boot(seat))

        self.trace.note(f"{name} starts")
        process = self.start(name, main)
        seat.process, seat.transport = process, transport

    def _later(self, seconds: float, mend: Callable[[], None]) -> None:
        self._mending += 1

        def mended() -> None:
            self._mending -= 1
            mend()

        self.loop.call_later(seconds, mended, context=self._fate.context)

    def _cut(self, seat: Seat, transport: SimulatedTransport, seconds: float) -> None:
        process = seat.process
        if process is None or seat.transport is not transport or not transport.line.linked:
            return
        self.trace.note(f"* {process.name} loses its connection for {seconds:.2f} s")
        self.hub().cut(transport)

        def relink() -> None:
            if not process.dead:
                self.trace.note(f"* {process.name} is connected again")
                process.context.run(self.hub().relink, transport)

        self._later(seconds, relink)

    def _crash(self, seat: Seat, process: Process, transport: SimulatedTransport, seconds: float) -> None:
        self.trace.note(f"* {process.name} crashes for {seconds:.2f} s")
        self.crashes += 1
        self.loop.kill(process)
        seat.process = None
        self.hub().crash(transport)
        self._later(seconds, lambda: self._boot(seat))

    def _moment(self) -> None:
        """Doom the node that does something right now, if the seed wants it."""
        process = RUNNING.get()
        if process.name.startswith("node") and self.crashes < MOST_CRASHES and self.chances.happens("die"):
            self._doomed = process

    # -- after each step ----------------------------------------------------------------------------------------------

    def _after_step(self, process: Process) -> bool:
        if self.trace.violation:
            return True
        if self.loop.time() > self.plan.quiet_at:
            self._strikes.clear()
            self.chances.over = True
        doomed, self._doomed = self._doomed, None
        for seat in self.seats:
            if doomed is not None and seat.process is doomed and seat.transport is not None:
                self._crash(seat, doomed, seat.transport, self.random.random())
        if self._strikes and self.loop.steps >= self._strikes[0].step:
            self._strike()
        if stalled := self.chances.seconds("stall", process.name):
            process.frozen_until = self.loop.time() + stalled
        if self.loop.steps % 16 == 0 and not self._mending and not self._strikes and not self.left():
            return True
        if self.loop.time() > self.most_seconds or self.loop.steps > MOST_STEPS:
            self.trace.violate(f"not finished in time: {self.left() or 'faults'}")
            return True
        return False

    def _strike(self) -> None:
        strike = self._strikes.pop(0)
        seat = self.seats[strike.victim]
        process, transport = seat.process, seat.transport
        if process is None or transport is None or process.dead:
            return
        if strike.kind == "crash":
            self._crash(seat, process, transport, strike.seconds)
        elif strike.kind == "cut":
            self._cut(seat, transport, strike.seconds)
        elif strike.kind == "sever":
            self._cut(seat, transport, strike.seconds + 1)
            self._later(strike.seconds, lambda: None if process.dead else self._crash(seat, process, transport, 0.1))
        elif strike.kind == "freeze":
            self.trace.note(f"* {process.name} hangs for {strike.seconds:.2f} s")
            process.frozen_until = self.loop.time() + strike.seconds
        else:
            self.trace.note(f"* {process.name} is told to stop")
            process.context.run(seat.stop)
