"""Batches side by side, and actors tried alone."""

from __future__ import annotations

import asyncio

import pytest

from leveret_actors.mailbox import quiet as quiet_module
from leveret_actors.mailbox.quiet import Quiet


async def test_who_is_tried_alone_waits_for_batches_and_batches_wait_for_it() -> None:
    quiet, order = Quiet(), list[str]()

    async def tried(name: str) -> None:
        async with quiet.alone():
            order.append(f"{name} in")
            await asyncio.sleep(0)
            order.append(f"{name} out")

    async def batch() -> None:
        async with quiet.among_others():
            order.append("batch")

    async with quiet.among_others(), quiet.among_others():
        tasks = [asyncio.create_task(tried("first")), asyncio.create_task(tried("second"))]
        await asyncio.sleep(0)
        tasks.append(asyncio.create_task(batch()))
        await asyncio.sleep(0)
        order.append("begun")
    await asyncio.gather(*tasks)

    assert order[0] == "begun"
    assert [order.index(f"{name} out") - order.index(f"{name} in") for name in ("first", "second")] == [1, 1]


async def test_neither_waits_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quiet_module, "PATIENCE", 0.001)
    quiet = Quiet()

    async with quiet.among_others(), quiet.alone(), quiet.among_others(), quiet.alone():
        reached = True

    assert reached
