"""Any order of joins, leaves, claims and fan-outs, in any grouping into turns, against a few plain dicts."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leveret_actors.tag import fan as fans
from leveret_actors.tag import lookup
from leveret_broker.envelope import Fanned, Start, Started
from tests.tag.bench import Bench, answers, claim, fan, join, leave, to_instances

WHO = st.sampled_from("abcdefgh")
STEP = st.one_of(
    st.tuples(st.just("join"), WHO),
    st.tuples(st.just("firm"), WHO),
    st.tuples(st.just("leave"), WHO),
    st.tuples(st.just("claim"), WHO),
    st.tuples(st.just("fan"), st.just("")),
    st.tuples(st.just("turn"), st.just("")),
)


class Model:
    """What the messages mean, one after another."""

    def __init__(self) -> None:
        self.members: set[str] = set()
        self.holder = ""
        self.sent: Counter[str] = Counter()
        self.fanned: list[int] = []
        self.started: list[str] = []
        self.refused: list[str] = []

    def apply(self, kind: str, who: str, number: int) -> None:
        if kind in {"join", "firm"}:
            self.members.add(who)
        elif kind == "leave":
            self.members.discard(who)
            self.holder = "" if self.holder == who else self.holder
        elif kind == "claim" and self.holder in {"", who}:
            self.members.add(who)
            self.holder = who
            self.started.append(who)
        elif kind == "claim":
            self.refused.append(self.holder)
        elif kind == "fan":
            self.sent.update(f"f{number}/{member}" for member in self.members)
            self.fanned.append(len(self.members))


def message(kind: str, who: str, number: int) -> Any:
    if kind == "claim":
        return claim(who, message_id=f"c{number}")
    if kind == "fan":
        return fan(f"f{number}")
    return leave(who) if kind == "leave" else join(who, firm=kind == "firm")


@contextmanager
def pages_of(size: int) -> Generator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lookup, "PAGE", size)
        patch.setattr(fans, "PAGE", size)
        yield


async def play(steps: list[tuple[str, str]], *, cached: bool) -> None:
    bench, model = await Bench(cached=cached).open(), Model()
    waiting: list[Any] = []
    for number, (kind, who) in enumerate(steps):
        if kind == "turn":
            await bench.turn(*waiting)
            waiting.clear()
        else:
            model.apply(kind, who, number)
            waiting.append(message(kind, who, number))
    await bench.send(*waiting)
    await bench.send()

    sent = to_instances(bench.posts)
    heard = answers(bench.posts)
    assert set(await bench.names()) == model.members
    assert Counter(post.id for post in sent if not isinstance(post.message, Start)) == model.sent
    assert [post.actor for post in sent if isinstance(post.message, Start)] == model.started
    assert sorted(answer.members for answer in heard if isinstance(answer, Fanned)) == sorted(model.fanned)
    assert [answer.instance for answer in heard if isinstance(answer, Started)] == model.refused


@settings(max_examples=300, deadline=None)
@given(st.lists(STEP, max_size=60), st.booleans(), st.sampled_from([1, 2, 3, 500]))
def test_any_order_in_any_grouping_means_the_same(steps: list[tuple[str, str]], cached: bool, size: int) -> None:
    with pages_of(size):
        asyncio.run(play(steps, cached=cached))
