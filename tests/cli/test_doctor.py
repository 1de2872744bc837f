"""`leveret doctor`: what is ill, in time, with advice."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from leveret_actors.cli.doctor.store import examine_clock, examine_letters
from leveret_actors.store.contract import DeadLetter
from leveret_actors.store.memory import MemoryStore
from tests.cli.conftest import Ran, leveret, leveret_beside, node
from tests.servers import RabbitServer, RedisServer, free_port


def states(ran: Ran) -> dict[str, str]:
    return {verdict["check"]: verdict["state"] for verdict in ran.json}


def verdict(ran: Ran, check: str) -> Any:
    return next(one for one in ran.json if one["check"] == check)


async def test_a_healthy_file_is_healthy() -> None:
    async with node():
        ran = await leveret_beside("doctor", "--json", "--url", "sqlite:///shop.db")

    assert (ran.code, set(states(ran).values())) == (0, {"ok"})
    assert "here" in verdict(ran, "nodes")["text"]


def test_a_file_that_does_not_exist_yet_is_no_failure_and_is_not_made() -> None:
    ran = leveret("doctor", "--json", "--url", "sqlite:///none.db")

    assert ran.code == 0
    assert states(ran)["broker"] == "warning"
    assert not Path("none.db").exists()


def test_a_folder_that_does_not_exist_is_a_failure() -> None:
    ran = leveret("doctor", "--url", "sqlite:///nowhere/none.db")

    assert ran.code == 1
    assert "✗ broker: there is no folder" in ran.out


def test_servers_that_do_not_answer_are_failures_in_time_with_advice() -> None:
    url = f"amqp://user:secret@127.0.0.1:{free_port()}?store=redis://:secret@127.0.0.1:{free_port()}"
    began = time.monotonic()

    ran = leveret("doctor", "--json", "--url", url)

    assert ran.code == 1
    assert time.monotonic() - began < 10
    assert states(ran) == {
        "configuration": "ok",
        "broker": "failed",
        "store": "failed",
        "clock": "skipped",
        "nodes": "skipped",
        "services": "skipped",
        "dead letters": "skipped",
    }
    assert "is RabbitMQ up" in verdict(ran, "broker")["advice"]
    assert "secret" not in ran.out


def test_real_servers_are_healthy_but_for_nodes(
    rabbit: RabbitServer, redis_server: RedisServer, namespace: str
) -> None:
    url = f"{rabbit.url}?store={redis_server.url}&ns={namespace}"

    ran = leveret("doctor", "--json", "--url", url)

    assert (ran.code, states(ran)["broker"], states(ran)["store"], states(ran)["nodes"]) == (0, "ok", "ok", "warning")
    assert "RabbitMQ 3." in verdict(ran, "broker")["text"]
    assert f"{namespace}.doctor" not in rabbit.ctl("list_queues", "name")


def test_a_wrong_password_and_missing_rights_are_told(
    rabbit: RabbitServer, redis_server: RedisServer, namespace: str
) -> None:
    rabbit.ctl("add_user", namespace, "secret")
    try:
        rabbit.ctl("set_permissions", namespace, "^$", "^$", "^$")
        place = rabbit.url.partition("@")[2] or rabbit.url.partition("://")[2]
        store = f"store={redis_server.url}&ns={namespace}"
        refused = leveret("doctor", "--json", "--url", f"amqp://{namespace}:wrong@{place}?{store}")
        limited = leveret("doctor", "--json", "--url", f"amqp://{namespace}:secret@{place}?{store}")
    finally:
        rabbit.ctl("delete_user", namespace)

    assert (refused.code, limited.code) == (1, 1)
    assert "lacks rights" in verdict(limited, "broker")["text"]
    assert "rabbitmqctl set_permissions" in verdict(limited, "broker")["advice"]
    assert "user and password" in verdict(refused, "broker")["advice"]


def test_a_url_without_a_store_is_enough_for_clients(rabbit: RabbitServer, namespace: str) -> None:
    ran = leveret("doctor", "--json", "--url", f"{rabbit.url}?ns={namespace}")

    assert (ran.code, states(ran)["store"]) == (0, "warning")


def test_a_store_that_refuses_is_told_with_what_to_set(
    rabbit: RabbitServer, own_redis: RedisServer, namespace: str
) -> None:
    own_redis.cli("config", "set", "maxmemory-policy", "allkeys-lru")

    ran = leveret("doctor", "--json", "--url", f"{rabbit.url}?store={own_redis.url}&ns={namespace}")

    assert (ran.code, states(ran)["store"]) == (1, "failed")
    assert "maxmemory-policy noeviction" in verdict(ran, "store")["text"]


@pytest.mark.parametrize(("off", "state"), [(0.0, "ok"), (3.0, "warning"), (-60.0, "failed")])
async def test_clocks_that_differ_are_told(off: float, state: str) -> None:
    store = MemoryStore("doctor", clock=lambda: time.time() + off)
    await store.open()

    found = await examine_clock(store)

    assert found.state == state
    assert ("NTP" in found.advice) is (state != "ok")


async def test_dead_letters_are_counted_with_their_reasons() -> None:
    store = MemoryStore("doctor-letters")
    await store.open()
    await store.bury(
        [DeadLetter(id=str(n), at=n, source="Order.1", reason="unreadable", body=b"") for n in range(1500)]
    )

    found = await examine_letters(store)

    assert (found.state, found.text) == ("warning", "1500 in the store: 1500 x Order.1: unreadable")


def test_a_wrong_configuration_is_the_first_failure() -> None:
    ran = leveret("doctor", "--json", "--url", "amqp://x?stoer=y")

    assert (ran.code, states(ran)) == (1, {"configuration": "failed"})
