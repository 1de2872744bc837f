"""The Redis store says no to what cannot keep the promises, in one line that says what to set."""

import contextlib
from collections.abc import Generator
from typing import Any

import pytest

from leveret_actors.store.redis import RedisStore
from leveret_actors.store.redis.inspection import Facts, judge
from leveret_actors.store.redis.settings import parse
from leveret_broker.errors import ConfigurationError, StoreRefused, StoreUnavailable
from tests.servers import RedisServer, free_port
from tests.store.redis_kit import opened


@contextlib.contextmanager
def configured(server: RedisServer, name: str, value: str) -> Generator[None]:
    before = server.cli("config", "get", name).splitlines()[1]
    server.cli("config", "set", name, value)
    try:
        yield
    finally:
        server.cli("config", "set", name, before)


async def refusal(url: str, namespace: str, **options: Any) -> str:
    store = RedisStore(url, namespace, **options)
    with pytest.raises(StoreRefused) as caught:
        await store.open(15)
    text = str(caught.value)
    assert "\n" not in text
    return text


@pytest.mark.parametrize(
    ("setting", "value", "advice"),
    [
        ("maxmemory-policy", "allkeys-lru", "CONFIG SET maxmemory-policy noeviction"),
        ("appendonly", "no", "CONFIG SET appendonly yes"),
        ("appendfsync", "everysec", "CONFIG SET appendfsync always"),
        ("no-appendfsync-on-rewrite", "yes", "CONFIG SET no-appendfsync-on-rewrite no"),
    ],
)
async def test_a_server_that_may_lose_writes_is_refused(
    own_redis: RedisServer, namespace: str, setting: str, value: str, advice: str
) -> None:
    with configured(own_redis, setting, value):
        text = await refusal(own_redis.url, namespace)

    assert advice in text


@pytest.mark.parametrize(("setting", "value"), [("appendonly", "no"), ("appendfsync", "everysec")])
async def test_relaxed_durability_accepts_a_late_sync(
    own_redis: RedisServer, namespace: str, setting: str, value: str
) -> None:
    with configured(own_redis, setting, value):
        async with opened(f"{own_redis.url}?durability=relaxed", namespace) as store:
            assert await store.clock() > 0
        async with opened(own_redis.url, namespace, durability="relaxed") as store:
            assert await store.clock() > 0


async def test_relaxed_durability_does_not_accept_eviction(own_redis: RedisServer, namespace: str) -> None:
    with configured(own_redis, "maxmemory-policy", "volatile-lru"):
        assert "evict" in await refusal(own_redis.url, namespace, durability="relaxed")


async def test_a_setting_changed_under_a_running_node_is_refused_at_its_next_connection(
    own_redis: RedisServer, namespace: str
) -> None:
    async with opened(own_redis.url, namespace) as store:
        with configured(own_redis, "appendfsync", "no"):
            own_redis.cli("client", "kill", "type", "normal")
            with pytest.raises(StoreRefused, match="appendfsync always"):
                await store.nodes()


async def test_a_password_that_is_missing_or_wrong_is_refused(own_redis: RedisServer, namespace: str) -> None:
    own_redis.cli("acl", "setuser", "guarded", "on", ">right", "+@all", "~*")
    own_redis.cli("acl", "setuser", "default", "-@all", "+auth", "+hello", "+acl", "+client")
    try:
        wrong = await refusal(own_redis.url.replace("//", "//guarded:wrong@"), namespace)
        missing = await refusal(own_redis.url, namespace)
    finally:
        own_redis.cli("acl", "setuser", "default", "+@all")

    assert "user or password" in wrong
    assert "right" not in wrong
    assert "may not do" in missing


async def test_a_password_where_none_is_set_is_refused(own_redis: RedisServer, namespace: str) -> None:
    assert "password" in await refusal(own_redis.url.replace("//", "//:secret@"), namespace)


async def test_a_forbidden_config_get_is_refused_with_what_to_grant(own_redis: RedisServer, namespace: str) -> None:
    own_redis.cli("acl", "setuser", "small", "on", ">pass", "+@all", "-config", "~*")
    url = own_redis.url.replace("//", "//small:pass@")

    assert "+config|get" in await refusal(url, namespace)

    async with opened(f"{url}?durability=relaxed", namespace) as store:
        assert await store.nodes() == []


async def test_a_namespace_of_a_later_format_is_refused(own_redis: RedisServer, namespace: str) -> None:
    own_redis.cli("set", f"{{{namespace}:meta}}:format", "2")

    assert "install a later one" in await refusal(own_redis.url, namespace)


async def test_a_database_that_does_not_exist_is_refused(own_redis: RedisServer, namespace: str) -> None:
    assert "database" in await refusal(f"{own_redis.url}/99", namespace)


def test_a_version_before_6_2_is_refused() -> None:
    facts = Facts(info={"redis_version": "6.0.16"}, appendfsync="always", skips_on_rewrite=False)

    with pytest.raises(StoreRefused, match=r"6\.2 or later"):
        judge(facts, parse("redis://here"), "here:6379")


def test_a_replica_is_not_the_store() -> None:
    facts = Facts(info={"redis_version": "7.0.0", "role": "slave"}, appendfsync="always", skips_on_rewrite=False)

    with pytest.raises(StoreUnavailable, match="replica"):
        judge(facts, parse("redis://here"), "here:6379")


async def test_a_server_that_is_not_there_is_waited_for(namespace: str) -> None:
    store = RedisStore(f"redis://127.0.0.1:{free_port()}", namespace)

    with pytest.raises(StoreUnavailable, match="is not there"):
        await store.open(0.5)


@pytest.mark.parametrize(
    "url",
    [
        "http://here",
        "redis://here?cluster=perhaps",
        "redis://here?replicas=all",
        "redis://here?durability=strong",
        "redis+cluster://here/3",
        "redis+sentinel://here",
        "redis://here:port",
    ],
)
def test_a_url_that_cannot_be_meant_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError):
        parse(url)


async def test_a_setting_that_redis_py_does_not_know_is_refused(namespace: str) -> None:
    with pytest.raises(ConfigurationError):
        await RedisStore("redis://127.0.0.1?colour=red", namespace).open(1)
