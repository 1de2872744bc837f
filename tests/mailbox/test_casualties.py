"""Which nodes are counted as dead."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest

from leveret_actors.mailbox import casualties
from leveret_actors.mailbox.casualties import Casualties
from leveret_actors.mailbox.host import Host
from leveret_actors.mailbox.wake import LIFETIME


class Register:
    """Nodes that give a sign of life once somebody has waited for it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *living: str) -> None:
        self._living = [SimpleNamespace(node=name) for name in living]
        self.waited: list[float] = []
        monkeypatch.setattr(casualties, "asyncio", SimpleNamespace(sleep=self._sleep))
        host = SimpleNamespace(store=self, settings=SimpleNamespace(heartbeat=2.0))
        self.casualties = Casualties(cast("Host", host))

    async def _sleep(self, seconds: float) -> None:
        self.waited.append(seconds)
        await asyncio.sleep(0)

    async def nodes(self) -> list[Any]:
        return self._living if self.waited else []


async def test_nodes_that_live_have_time_to_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    register = Register(monkeypatch, "n1")

    assert await register.casualties.among(frozenset({"n1", "n2"})) == {"n2"}
    assert register.waited == [LIFETIME * 2.0]


async def test_each_actor_is_told_of_the_deaths_of_its_own_nodes_and_a_known_one_costs_no_wait(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    register = Register(monkeypatch)
    await register.casualties.among(frozenset({"n1", "n2"}))

    assert await register.casualties.among(frozenset({"n2"})) == {"n2"}
    assert len(register.waited) == 1
