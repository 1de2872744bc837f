"""Any order of joins, leaves, claims and fan-outs, with late copies, in any grouping, against a few plain dicts."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from leveret_actors.tag import draft as drafts
from leveret_actors.tag import fan as fans
from leveret_actors.tag import lookup
from leveret_broker.envelope import Envelope, Fanned, Probe, Start, Started, TagJoin, TagLeave, TagProbed
from tests.tag.bench import Bench, answers, claim, envelope, fan, join, leave, to_instances

WHO = st.sampled_from("abcd")
OF_INSTANCES = ("start", "firm", "remove", "add", "end")
STEP = st.one_of(
    st.tuples(st.sampled_from(OF_INSTANCES), WHO),
    st.tuples(st.sampled_from(OF_INSTANCES), WHO),
    st.tuples(st.just("copy"), st.integers(0, 30).map(str)),
    st.tuples(st.sampled_from(("fan", "turn")), st.just("")),
    st.tuples(st.sampled_from(("free", "forget", "redeliver", "claim")), WHO),
)
STEPS = st.integers(5, 60).flatmap(lambda size: st.lists(STEP, min_size=size, max_size=size))
Steps = list[tuple[str, str]]
KEEPER = ("keeper", "r")
"""A member that never leaves, so that the tag never forgets anything by vanishing."""


@dataclass
class Open:
    """A run that has not ended."""

    run: str
    began: bool = False
    changes: int = 0


class Model:
    """What the messages mean, one after another."""

    def __init__(self) -> None:
        self.members: set[tuple[str, str]] = set()
        self.holder: tuple[str, str] | None = None
        self.open: dict[str, Open] = {}
        self.sent: Counter[tuple[str, str]] = Counter()
        self.fanned: list[int] = []
        self.started: list[str] = []
        self.refused: list[str] = []

    def apply(self, kind: str, who: str, number: int) -> Envelope | None:
        """Note what a step means, and return the message that asks for it."""
        match kind:
            case "start" | "firm" | "remove" | "add" | "end":
                return self._instance(kind, who, number)
            case "free" if self.holder is not None:
                gone, self.holder = self.holder, None
                self.members.discard(gone)
                return leave(*gone)
            case "claim":
                self._claim(who, f"c{number}")
                return claim(who, f"c{number}")
            case "fan":
                self.sent.update((f"f{number}/{instance}", run) for instance, run in self.members)
                self.fanned.append(len(self.members))
                return fan(f"f{number}")
            case _:
                return None

    def _instance(self, kind: str, who: str, number: int) -> Envelope | None:
        """An instance is started, runs, changes its tags, ends; steps that do not fit are left out."""
        there = self.open.get(who)
        if there is None:
            if kind != "start":
                return None
            self.open[who] = Open(f"r{number}")
            self.members.add((who, f"r{number}"))
            return join(who, f"r{number}")
        member = (who, there.run)
        match kind:
            case "firm" if not there.began:
                there.began = True
                return join(*member, firm=True)
            case "end":
                del self.open[who]
                self.members.discard(member)
                return leave(*member)
            case "remove" | "add" if there.began:
                there.changes += 1
                if kind == "add":
                    self.members.add(member)
                    return envelope(TagJoin(*member, firm=True, number=there.changes))
                self.members.discard(member)
                return envelope(TagLeave(*member, number=there.changes))
            case _:
                return None

    def _claim(self, who: str, run: str) -> None:
        if self.holder is not None:
            self.refused.append(self.holder[0])
            return
        self.holder = (who, run)
        self.members.add(self.holder)
        self.started.append(who)


@contextmanager
def bounds(page: int, leaves: int = 256) -> Generator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lookup, "PAGE", page)
        patch.setattr(fans, "PAGE", page)
        patch.setattr(drafts, "LEAVES", leaves)
        yield


async def play(steps: Steps, bench: Bench) -> Model:
    """Take the steps; every envelope has the time at which it was sent, and its copies have it too."""
    model = Model()
    waiting: list[Envelope] = []
    history: list[Envelope] = []
    last: list[Envelope] = []
    for number, (kind, who) in enumerate(steps):
        bench.clock += 0.001
        if kind == "turn":
            last, waiting = waiting, []
            await bench.turn(*last)
        elif kind == "forget":
            bench.live = None
        elif kind == "redeliver":
            await bench.turn(*(one for one in last if isinstance(one.message, TagJoin | TagLeave)))
        elif kind == "copy" and history:
            waiting.append(history[int(who) % len(history)])
        elif (message := model.apply(kind, who, number)) is not None:
            waiting.append(replace(message, sent=bench.clock))
            if isinstance(message.message, TagJoin | TagLeave):
                history.append(waiting[-1])
    await bench.send(*waiting)
    await bench.send()
    return model


async def settle(bench: Bench, model: Model) -> None:
    """Let hours pass, and instances tell who carries the tag."""
    for _ in range(4):
        asked = [post for post in to_instances(await bench.later(3601)) if isinstance(post.message, Probe)]
        for post in asked:
            probe = post.message
            assert isinstance(probe, Probe)
            known = (post.actor, probe.run) in model.members
            await bench.send(envelope(TagProbed(post.actor, probe.run, known, probe.number)))


async def who_is_there(bench: Bench) -> set[tuple[str, str]]:
    return {(member.instance, member.run) for member in await bench.members()}


def sent_by(bench: Bench) -> Counter[tuple[str, str]]:
    sent = to_instances(bench.posts)
    return Counter((post.id, post.run) for post in sent if not isinstance(post.message, Start | Probe))


async def remembering(steps: Steps, *, cached: bool) -> None:
    bench = await Bench(cached=cached).open()
    await bench.send(join(*KEEPER, firm=True))
    model = await play(steps, bench)

    heard = answers(bench.posts)
    starts = [post for post in to_instances(bench.posts) if isinstance(post.message, Start)]
    assert await who_is_there(bench) == model.members | {KEEPER}
    fan_outs = {name.partition("/")[0] for name, _ in sent_by(bench)}
    assert sent_by(bench) == model.sent + Counter({(f"{one}/keeper", "r"): 1 for one in fan_outs})
    assert [post.actor for post in starts] == model.started
    assert sorted(one.members - 1 for one in heard if isinstance(one, Fanned)) == sorted(model.fanned)
    assert [answer.instance for answer in heard if isinstance(answer, Started)] == model.refused


async def forgetting(steps: Steps, *, cached: bool) -> None:
    bench = await Bench(cached=cached).open()
    model = await play(steps, bench)

    assert await who_is_there(bench) >= model.members
    assert all(sent_by(bench)[one] == 1 for one in model.sent)
    assert max(sent_by(bench).values(), default=1) == 1
    await settle(bench, model)
    assert await who_is_there(bench) == model.members
    if not model.members:
        assert await bench.gone()


@settings(max_examples=300, deadline=None)
@given(STEPS, st.booleans(), st.sampled_from([1, 2, 3, 500]))
@example(steps=[("start", "a"), ("firm", "a"), ("remove", "a"), ("add", "a"), ("copy", "2")], cached=True, page=500)
def test_any_order_in_any_grouping_with_late_copies_means_the_same(steps: Steps, cached: bool, page: int) -> None:
    with bounds(page):
        asyncio.run(remembering(steps, cached=cached))


@settings(max_examples=300, deadline=None)
@given(STEPS, st.booleans(), st.sampled_from([1, 3, 500]), st.sampled_from([1, 2, 256]))
def test_what_a_tag_forgot_it_asks_for_and_nobody_is_missed_meanwhile(
    steps: Steps, cached: bool, page: int, leaves: int
) -> None:
    with bounds(page, leaves):
        asyncio.run(forgetting(steps, cached=cached))
