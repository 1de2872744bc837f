"""Which faults happen when: all of it drawn from the seed, before the world begins or at the moment of each chance."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Final

CHANCES: Final = (
    "duplicate",  # a publish arrives twice
    "lose_confirm",  # it arrived, its confirmation did not
    "lose_acknowledgement",  # the connection goes before the acknowledgement
    "lose_reply",  # the store did it, the node hears StoreUnavailable
    "refuse",  # the store did not do it
    "slow",  # the store takes its time, before or after
    "latency",  # a publish takes its time
    "die",  # a node crashes right behind a publish, an acknowledgement or a write
    "stall",  # a process is not scheduled for a moment
)
RATES: Final = (0.01, 0.03, 0.1)
STRIKES: Final = ("crash", "crash", "cut", "cut", "sever", "sever", "drain", "freeze")
"""A severed node is cut off, goes on as a zombie for a moment, and crashes with all it could not send."""
MOST_STRIKES: Final = 4


@dataclass(frozen=True, slots=True)
class Strike:
    """One blow against one node."""

    step: int
    kind: str
    victim: int
    seconds: float
    """Until it is mended."""


@dataclass(slots=True)
class Plan:
    """The faults of one world."""

    rates: dict[str, float] = field(default_factory=dict[str, float])
    strikes: list[Strike] = field(default_factory=list[Strike])
    quiet_at: float = 0.0
    """Simulated seconds after which nothing bad happens any more."""

    @classmethod
    def drawn(cls, random: Random, nodes: int, gap: float) -> Plan:
        """Draw which kinds of faults this world knows, how often, and blows about `gap` steps apart."""
        rates = {name: random.choice(RATES) for name in CHANCES if random.random() < 0.4}
        if "stall" in rates:
            rates["stall"] /= 20  # asked at every step, not per call
        strikes: list[Strike] = []
        step = 0.0
        for _ in range(random.randint(0, MOST_STRIKES)):
            step += 1 + random.expovariate(1 / gap)
            seconds = random.choice((0.0, 0.01, 0.5, 2.0, 6.0)) * (0.5 + random.random())
            strikes.append(Strike(int(step), random.choice(STRIKES), random.randrange(nodes), seconds))
        return cls(rates, strikes, 30.0)

    def lines(self) -> list[str]:
        """Return the schedule for people."""
        rates = ", ".join(f"{name} {rate}" for name, rate in self.rates.items())
        blows = [f"step {s.step}: {s.kind} node {s.victim} for {s.seconds:.2f} s" for s in self.strikes]
        return [f"chances: {rates or 'none'}", *blows]


class Chances:
    """Asked at each moment at which a fault of some kind could happen."""

    def __init__(self, random: Random, plan: Plan, note: Callable[[str], None]) -> None:
        """Draw from the world's source, and note what happens."""
        self.over = False
        """True: nothing bad happens any more."""
        self._random = random
        self._rates = plan.rates
        self._note = note

    def happens(self, name: str, what: str = "") -> bool:
        """Tell whether this fault happens now."""
        rate = self._rates.get(name)
        if self.over or rate is None or self._random.random() >= rate:
            return False
        self._note(f"* {name} {what}")
        return True

    def seconds(self, name: str, what: str = "") -> float:
        """Return how long a fault of this kind lasts; 0 when it does not happen."""
        if not self.happens(name, what):
            return 0.0
        return self._random.choice((0.001, 0.05, 0.5, 4.0)) * (0.5 + self._random.random())
