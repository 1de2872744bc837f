"""`dead-letters list` and `replay`."""

from __future__ import annotations

import asyncio

from tests.cli.conftest import Ran, leveret_beside, node

URL = ("--url", "sqlite:///shop.db")


async def letters(count: int) -> Ran:
    async with asyncio.timeout(30):
        while len((ran := await leveret_beside("dead-letters", "list", "--json", *URL)).json) < count:
            pass
    return ran


async def test_dead_letters_are_listed_and_sent_again() -> None:
    async with node():
        await leveret_beside("start", "Order", "--method", "pay", "--args", '{"item": "hat"}', "--id", "o1", *URL)
        await leveret_beside("signal", "Order", "paid", '"much"', "--id", "o1", *URL)
        listed = (await letters(1)).json
        table = await leveret_beside("dead-letters", "list", *URL)
        ran = await leveret_beside("dead-letters", "replay", listed[0]["id"], *URL)
        unknown = await leveret_beside("dead-letters", "replay", "x", "--json", *URL)

    assert listed[0]["what"] == "signal paid for 'o1'"
    assert "does not fit" in table.out
    assert (ran.code, ran.out.split(" ", 1)[1].strip()) == (0, "sent to Order 'o1'")
    assert (unknown.code, unknown.json[0]["text"]) == (1, "there is no such letter")


async def test_which_dead_letters_must_be_said() -> None:
    ran = await leveret_beside("dead-letters", "replay", *URL)

    assert ran.code == 1
    assert "--all" in ran.err
