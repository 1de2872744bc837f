"""Shuffled events of orders, with duplicates and garbage: each order ends as its history implies, and totals agree."""

from __future__ import annotations

import pytest

from tests.servers import RabbitServer, RedisServer
from tests.stream.running import Ran, run
from tests.stream.story import By, story

DEATHS = ("commands-taken", "commands-sent", "after-decide:20", "after-commit:20")
"""Where nodes die, one after another."""


def assert_as_implied(ran: Ran, deaths: int = 0) -> None:
    assert not ran.wrong
    assert ran.deaths == deaths
    assert len(ran.turns) == sum(ran.story.signals().values())


async def test_a_shuffled_stream_from_another_process_leaves_each_order_as_it_implies() -> None:
    ran = await run("sqlite:///{folder}/stream.db", "", story(300), seconds=60)

    assert_as_implied(ran)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("by", ["tag", "id"])
async def test_a_stream_on_one_file_outlives_nodes_that_die(by: By) -> None:
    ran = await run("sqlite:///{folder}/stream.db", "", story(3000, by), deaths=DEATHS, seconds=500)

    assert_as_implied(ran, len(DEATHS))


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("by", ["tag", "id"])
async def test_a_stream_from_a_foreign_publisher_outlives_nodes_that_die(
    rabbit: RabbitServer, redis_server: RedisServer, namespace: str, by: By
) -> None:
    url = f"{rabbit.url}?store={redis_server.url}&ns={namespace}"

    ran = await run(url, rabbit.url, story(3000, by), deaths=DEATHS, seconds=500)

    assert_as_implied(ran, len(DEATHS))
