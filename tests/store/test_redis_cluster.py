"""The Redis store on a cluster of three, and on a master with a replica."""

import asyncio
import contextlib
from collections.abc import Generator

import pytest

from leveret_actors.store.contract import Outgoing, Timer
from leveret_actors.store.redis.keys import Keys
from leveret_actors.store.redis.wire import slot_of
from leveret_broker.address import MailboxQueue, ServiceQueue
from leveret_broker.errors import StoreUnavailable
from tests.servers import RedisCluster, RedisServer, free_port
from tests.servers.binaries import find
from tests.servers.home import Home
from tests.store.redis_kit import QUEUE, batch, journal, opened, write

QUEUES = [MailboxQueue("Booking", index) for index in range(24)]


def _has(server: RedisServer, name: str) -> bool:
    return bool(server.cli("--scan", "--pattern", name).strip())


@pytest.mark.parametrize("form", ["{}", "{}?cluster=true", "redis+cluster://{}"])
async def test_a_cluster_is_recognised(redis_cluster: RedisCluster, namespace: str, form: str) -> None:
    url = form.format(redis_cluster.url.removeprefix("redis://") if "+" in form else redis_cluster.url)

    async with opened(url, namespace) as store:
        epochs = await asyncio.gather(*(store.take_over(queue, "n1") for queue in QUEUES))

    assert [taken.epoch for taken in epochs] == [1] * len(QUEUES)


async def test_queues_spread_over_all_servers_and_each_stays_together(
    redis_cluster: RedisCluster, namespace: str
) -> None:
    async with opened(redis_cluster.url, namespace) as store:
        for queue in QUEUES:
            await store.take_over(queue, "n1")
            timers = (Timer("a", "r", 1, 5.0),)
            outbox = (Outgoing(ServiceQueue("S"), b"x"),)
            await store.commit(queue, 1, batch("b", write("a", b"1", timers=timers, stalled=True), outbox=outbox))
            assert await journal(store, "a", queue) == [b"1"]
            assert (await store.take_over(queue, "n2")).stalled == ("a",)

    for queue in QUEUES:
        pattern = f"{{{namespace}:{queue.kind}:{queue.index}}}:*"
        assert [_has(node, pattern) for node in redis_cluster.nodes].count(True) == 1
    assert all(_has(node, f"{{{namespace}:*") for node in redis_cluster.nodes)


async def test_owners_of_queues_on_several_servers_are_one_question(
    redis_cluster: RedisCluster, namespace: str
) -> None:
    async with opened(redis_cluster.url, namespace) as store:
        await store.heartbeat("n1", {}, lifetime=30)
        for queue in QUEUES[:5]:
            await store.take_over(queue, "n1")

        assert await store.owners(QUEUES[:6]) == ["n1"] * 5 + [None]


def _place(cluster: RedisCluster, slot: int) -> tuple[RedisServer, RedisServer]:
    """The server that has the slot, and another one."""
    for node in cluster.nodes:
        if _owns(node, slot):
            return node, next(other for other in cluster.nodes if other is not node)
    raise AssertionError(slot)


def _owns(node: RedisServer, slot: int) -> bool:
    mine = next(line for line in node.cli("cluster", "nodes").splitlines() if "myself" in line).split()[8:]
    ranges = [entry.split("-") for entry in mine if not entry.startswith("[")]
    return any(int(one[0]) <= slot <= int(one[-1]) for one in ranges)


async def test_a_slot_on_its_way_to_another_server_never_holds_half_a_commit(
    redis_cluster: RedisCluster, namespace: str
) -> None:
    slot = slot_of(Keys(namespace).queue(QUEUE, "meta"))
    source, target = _place(redis_cluster, slot)
    target_id, source_id = target.cli("cluster", "myid").strip(), source.cli("cluster", "myid").strip()

    async with opened(redis_cluster.url, namespace, deadline=0.5) as store:
        await store.take_over(QUEUE, "n1")
        await store.commit(QUEUE, 1, batch("b1", write("old", b"1")))

        target.cli("cluster", "setslot", str(slot), "importing", source_id)
        source.cli("cluster", "setslot", str(slot), "migrating", target_id)
        with pytest.raises(StoreUnavailable, match="moving"):
            await store.commit(QUEUE, 1, batch("b2", write("old", b"2"), write("new", b"1")))
        assert source.cli("lrange", f"{{{namespace}:Booking:7}}:journal:old", "0", "-1").split() == ["1"]

        for key in source.cli("cluster", "getkeysinslot", str(slot), "100").split():
            source.cli("migrate", "127.0.0.1", str(target.port), key, "0", "5000")
            with pytest.raises(StoreUnavailable):
                await store.commit(QUEUE, 1, batch("b2", write("old", b"2"), write("new", b"1")))
        for node in (target, source):
            node.cli("cluster", "setslot", str(slot), "node", target_id)

        done = await store.commit(QUEUE, 1, batch("b2", write("old", b"2"), write("new", b"1")))

        assert not done.repeated
        assert await journal(store, "old") == [b"1", b"2"]
        assert await journal(store, "new") == [b"1"]


@pytest.mark.kills_servers
async def test_a_cluster_whose_servers_all_died_comes_back_with_every_commit(namespace: str) -> None:
    with RedisCluster() as own:
        async with opened(own.url, namespace, deadline=30) as store:
            for queue in QUEUES:
                await store.take_over(queue, "n1")
                await store.commit(queue, 1, batch("b1", write("a", b"1")))
            for node in own.nodes:
                node.kill()
            restarted = asyncio.create_task(asyncio.to_thread(own.start))

            await asyncio.gather(*(store.commit(queue, 1, batch("b2", write("a", b"2"))) for queue in QUEUES))

            await restarted
            for queue in QUEUES:
                assert await journal(store, "a", queue) == [b"1", b"2"]


@pytest.mark.kills_servers
async def test_with_replicas_a_write_counts_when_they_have_it(namespace: str) -> None:
    with RedisServer({"repl-diskless-sync-delay": "0"}) as master, RedisServer() as replica:
        replica.cli("replicaof", "127.0.0.1", str(master.port))
        async with opened(f"{master.url}?replicas=1", namespace, deadline=10) as store:
            await store.take_over(QUEUE, "n1")
            await store.commit(QUEUE, 1, batch("b1", write("a", b"1")))
            key = f"{{{namespace}:Booking:7}}:journal:a"
            assert replica.cli("lrange", key, "0", "-1").split() == ["1"]

        async with opened(f"{master.url}?replicas=1", namespace, deadline=2) as store:
            replica.pause()
            with pytest.raises(StoreUnavailable, match="0 of 1 replicas"):
                await store.commit(QUEUE, 1, batch("b2", write("a", b"2")))
            master.cli("client", "kill", "type", "normal")  # a new connection's WAIT knows nothing of the write
            with pytest.raises(StoreUnavailable, match="0 of 1 replicas"):
                await store.commit(QUEUE, 1, batch("b2", write("a", b"2")))
            replica.resume()
            assert (await store.commit(QUEUE, 1, batch("b2", write("a", b"2")))).repeated
            assert replica.cli("lrange", key, "0", "-1").split() == ["1", "2"]


async def test_sentinels_name_the_master(own_redis: RedisServer, namespace: str) -> None:
    with _sentinel(own_redis) as port:
        async with opened(f"redis+sentinel://127.0.0.1:{port}/mine", namespace) as store:
            await store.take_over(QUEUE, "n1")
            await store.commit(QUEUE, 1, batch("b1", write("a", b"1")))

            assert await journal(store, "a") == [b"1"]

    assert _has(own_redis, f"{{{namespace}:Booking:7}}:*")


@contextlib.contextmanager
def _sentinel(master: RedisServer) -> Generator[int]:
    home, port = Home("sentinel"), free_port()
    try:
        file = home.path / "sentinel.conf"
        file.write_text(f"bind 127.0.0.1\nport {port}\nsentinel monitor mine 127.0.0.1 {master.port} 1\n")
        child = home.spawn("sentinel", [find("redis-server"), file, "--sentinel"])
        child.wait_until(lambda: "+monitor" in child.tail(), 15, "the sentinel watches")
        yield port
    finally:
        home.close()
