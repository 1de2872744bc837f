"""Any order of joins, leaves, claims and fan-outs, in any grouping into turns, against a few plain dicts."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leveret_actors.tag import fan as fans
from leveret_actors.tag import lookup
from leveret_broker.envelope import Envelope, Fanned, Start, Started
from tests.tag.bench import Bench, answers, claim, fan, join, leave, to_instances

WHO = st.sampled_from("abcdefgh")
STEP = st.one_of(
    st.tuples(st.just("join"), WHO),
    st.tuples(st.just("firm"), WHO),
    st.tuples(st.just("leave"), WHO),
    st.tuples(st.just("claim"), WHO),
    st.tuples(st.just("free"), st.just("")),
    st.tuples(st.just("fan"), st.just("")),
    st.tuples(st.just("turn"), st.just("")),
)


class Model:
    """What the messages mean, one after another."""

    def __init__(self) -> None:
        self.members: set[tuple[str, str]] = set()
        self.holder: tuple[str, str] | None = None
        self.sent: Counter[tuple[str, str]] = Counter()
        self.fanned: list[int] = []
        self.started: list[str] = []
        self.refused: list[str] = []

    def apply(self, kind: str, who: str, number: int) -> Envelope | None:
        """Note what a step means, and return the message that asks for it."""
        match kind:
            case "join" | "firm":
                self.members.add((who, "r"))
                return join(who, firm=kind == "firm")
            case "leave":
                self.members.discard((who, "r"))
                return leave(who)
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

    def _claim(self, who: str, run: str) -> None:
        if self.holder is not None:
            self.refused.append(self.holder[0])
            return
        self.holder = (who, run)
        self.members.add(self.holder)
        self.started.append(who)


@contextmanager
def pages_of(size: int) -> Generator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lookup, "PAGE", size)
        patch.setattr(fans, "PAGE", size)
        yield


async def play(steps: list[tuple[str, str]], *, cached: bool) -> None:
    bench, model = await Bench(cached=cached).open(), Model()
    waiting: list[Envelope] = []
    for number, (kind, who) in enumerate(steps):
        if kind == "turn":
            await bench.turn(*waiting)
            waiting.clear()
        else:
            message = model.apply(kind, who, number)
            waiting += [] if message is None else [message]
    await bench.send(*waiting)
    await bench.send()

    sent = to_instances(bench.posts)
    heard = answers(bench.posts)
    assert {(member.instance, member.run) for member in await bench.members()} == model.members
    assert Counter((post.id, post.run) for post in sent if not isinstance(post.message, Start)) == model.sent
    assert [post.actor for post in sent if isinstance(post.message, Start)] == model.started
    assert sorted(answer.members for answer in heard if isinstance(answer, Fanned)) == sorted(model.fanned)
    assert [answer.instance for answer in heard if isinstance(answer, Started)] == model.refused


@settings(max_examples=300, deadline=None)
@given(st.lists(STEP, max_size=60), st.booleans(), st.sampled_from([1, 2, 3, 500]))
def test_any_order_in_any_grouping_means_the_same(steps: list[tuple[str, str]], cached: bool, size: int) -> None:
    with pages_of(size):
        asyncio.run(play(steps, cached=cached))
