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


async def test_a_dead_letter_is_shown_and_dropped() -> None:
    async with node():
        await leveret_beside("start", "Order", "--method", "pay", "--args", '{"item": "hat"}', "--id", "o1", *URL)
        await leveret_beside("signal", "Order", "paid", '"much"', "--id", "o1", *URL)
        (letter,) = (await letters(1)).json

    shown = await leveret_beside("dead-letters", "show", letter["id"], *URL)
    filtered = await leveret_beside("dead-letters", "list", "--older", "3600", "--json", *URL)
    newer = await leveret_beside("dead-letters", "list", "--newer", "3600", "--json", *URL)
    none_newer = await leveret_beside("dead-letters", "list", "--newer", "0.000001", "--json", *URL)
    missed = await leveret_beside("dead-letters", "drop", "unknown", *URL)
    unsaid = await leveret_beside("dead-letters", "drop", *URL)
    dropped = await leveret_beside("dead-letters", "drop", "--service", "Order", *URL)
    unknown = await leveret_beside("dead-letters", "show", letter["id"], *URL)

    assert "does not fit" in shown.out
    assert filtered.json == none_newer.json == []
    assert newer.json == [letter]
    assert (missed.code, missed.out.strip()) == (1, "0 dropped")
    assert (unsaid.code, "--all" in unsaid.err) == (1, True)
    assert (dropped.code, dropped.out.strip()) == (0, "1 dropped")
    assert (unknown.code, "there is no dead letter" in unknown.err) == (1, True)
