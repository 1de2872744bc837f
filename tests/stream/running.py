"""A stream, sent by another process to a node that may be killed; what came of it, and how long it took."""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from leveret.url import Url
from leveret_actors import DeadLetters
from tests.bench.peaks import Peaks
from tests.endtoend import audit
from tests.endtoend.house import House, Process, until
from tests.stream.story import Story
from tests.stream.totals import FILE, Totals, names_in, reactions_in, rows_in, totals_in

HOSTED = ("tests.stream.orders", "tests.stream.totals")


@dataclass
class Ran:
    """How a stream went."""

    story: Story
    published: float = 0.0
    """Seconds from the first message to the last."""
    seconds: float = 0.0
    """From the first message to the last turn that one had."""
    turns: list[float] = field(default_factory=list[float])
    """Seconds from publishing each message to the turn of its workflow."""
    told: list[float] = field(default_factory=list[float])
    """Seconds from publishing each message until the listener was told: committed, published and taken meanwhile."""
    totals: Totals = field(default_factory=lambda: Totals({}, Counter()))
    """What the listener's table says."""
    results: dict[str, str] = field(default_factory=dict[str, str])
    """What the store says of each order: what its workflow returned, or `open`."""
    instances: int = 0
    """In the store: one for each order."""
    letters: Counter[str] = field(default_factory=Counter[str])
    """Dead letters, by the word that their reasons begin with."""
    deaths: int = 0
    """How many nodes died by signal 9."""
    needed: str = ""
    """By the node that was there at the end, in words."""

    @property
    def right(self) -> bool:
        """Tell whether workflows, table and dead letters are what the stream implies."""
        return self.wrong == []

    @property
    def wrong(self) -> list[str]:
        """Say what is not as the stream implies."""
        pairs: list[tuple[str, object, object]] = [
            ("instances", self.instances, len(self.story.states())),
            ("results of workflows", self.results, self.story.states()),
            ("orders in the table", self.totals.orders, self.story.states()),
            ("signals in the table", self.totals.signals, self.story.signals()),
            ("dead letters", self.letters, self.story.garbage),
        ]
        return [f"{what}: {_differences(found, wanted)}" for what, found, wanted in pairs if found != wanted]


async def run(
    url: str, broker: str, story: Story, *, rate: float = 0.0, deaths: Sequence[str] = (), seconds: float
) -> Ran:
    """Send a stream, at `rate` messages a second or as fast as it goes, and wait for what comes of it.

    `url` may hold `{folder}`; `broker` is where a foreign publisher finds it, empty for one that uses a client. One
    node after another dies by signal 9 at the points that `deaths` names, the next one goes on.

    Raises `AssertionError` when it takes longer than `seconds`.
    """
    ran = Ran(story)
    with House(url) as house:
        table, stamps = house.folder / FILE, house.folder / "stamps"
        first, *others = *deaths, ""
        node = await house.serving(*HOSTED, fault=first)  # it declares what others publish to
        publisher = _publish(house, broker, story, stamps, rate)
        for fault in others:
            assert await node.ended(seconds) == -signal.SIGKILL, node.log
            ran.deaths += 1
            node = house.node(*HOSTED, fault=fault)
        await _heard(table, Totals(story.states(), story.signals()).rows, publisher, seconds)
        assert await publisher.ended(seconds) == 0, publisher.log
        await _letters(house, story, ran)
        ran.needed = await Peaks(node, "").told()
        assert await node.stop() == 0, node.log[-3000:]
        await _look(house, table, stamps, ran)
    return ran


async def _heard(table: Path, rows: int, publisher: Process, seconds: float) -> None:
    """Wait until so many events were heard; a publisher that failed is told at once."""
    await until(lambda: rows_in(table) >= rows or bool(publisher.code), f"{rows} events are heard", seconds)


def _publish(house: House, broker: str, story: Story, stamps: Path, rate: float) -> Process:
    file = house.folder / "stream"
    file.write_text("\n".join(one.line for one in story.messages))
    if not broker:
        return house.python("-m", "tests.stream.publisher", house.url, str(file), str(stamps), str(rate))
    exchange = f"{Url.parse(house.url).namespace}.commands"
    arguments = (broker, exchange, str(file), "", "0", str(stamps), str(rate))
    return house.python("-m", "tests.endtoend.foreign", *arguments)


async def _letters(house: House, story: Story, ran: Ran) -> None:
    """Wait for the dead letters; the routers may be behind."""
    async with DeadLetters(house.url) as dead:

        async def all_there() -> bool:
            ran.letters = Counter([one.reason.partition(":")[0] async for one in dead.list()])
            return ran.letters.total() >= story.garbage.total()

        await until(all_there, "the garbage is among the dead letters")


async def _look(house: House, table: Path, stamps: Path, ran: Ran) -> None:
    """Read what there is once nothing runs any more."""
    ran.totals = totals_in(table)
    names = names_in(table)
    ended = await audit.results(house.url, "Order", str)
    ended |= dict.fromkeys(await audit.instances(house.url, "Order", "running"), "open")
    ran.results = {names.get(instance, instance): state for instance, state in ended.items()}
    ran.instances = len(ended)
    times = [float(line) for line in stamps.read_text().splitlines()]
    first: dict[str, float] = {}
    for message, at in zip(ran.story.messages, times, strict=True):
        first.setdefault(message.key, at)
    found = reactions_in(table)
    ran.turns = [at - first[key] for key, (at, _) in found.items()]
    ran.told = [heard - first[key] for key, (_, heard) in found.items()]
    ran.published = times[-1] - times[0]
    ran.seconds = max(at for at, _ in found.values()) - times[0]


def _differences(found: object, wanted: object) -> str:
    if isinstance(found, dict) and isinstance(wanted, dict):
        keys = [key for key in {**found, **wanted} if found.get(key) != wanted.get(key)]
        few = ", ".join(f"{key} is {found.get(key)!r}, not {wanted.get(key)!r}" for key in keys[:5])
        return f"{len(keys)} differ: {few}"
    return f"{found!r}, not {wanted!r}"
