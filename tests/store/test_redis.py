"""What the Redis store promises beyond the contract suite: nothing lost, nothing doubled, every byte as it was."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from loguru import logger

from leveret_actors.store.contract import MemberWrite, Outgoing, Timer
from leveret_actors.store.redis import RedisStore, queues, scripts
from leveret_actors.store.redis.link import Link
from leveret_actors.store.redis.scripts import Script
from leveret_broker.address import MailboxQueue, ServiceQueue
from leveret_broker.errors import StaleEpoch, StoreRefused, StoreUnavailable
from tests.servers import RedisServer
from tests.store.redis_kit import QUEUE, batch, journal, opened, write
from tests.store.redis_proxy import redis_proxy


async def test_scripts_come_back_after_a_flush(own_redis: RedisServer, namespace: str) -> None:
    async with opened(own_redis.url, namespace) as store:
        await store.take_over(QUEUE, "n1")
        await store.commit(QUEUE, 1, batch("b1", write("a", b"1")))
        own_redis.cli("script", "flush")

        await store.commit(QUEUE, 1, batch("b2", write("a", b"2")))

        assert await journal(store, "a") == [b"1", b"2"]


async def test_a_commit_whose_reply_is_lost_is_done_once(own_redis: RedisServer, namespace: str) -> None:
    async with redis_proxy(own_redis.port) as proxy, opened(proxy.url, namespace) as store:
        await store.take_over(QUEUE, "n1")
        await store.commit(QUEUE, 1, batch("b1", write("a", b"1")))
        proxy.lose_reply(b"b2")

        done = await store.commit(QUEUE, 1, batch("b2", write("a", b"2")))

        assert proxy.lost == 1
        assert done.repeated
        assert await journal(store, "a") == [b"1", b"2"]


async def test_records_that_a_commit_takes_off_go_once_though_its_reply_is_lost(
    own_redis: RedisServer, namespace: str
) -> None:
    async with redis_proxy(own_redis.port) as proxy, opened(proxy.url, namespace) as store:
        await store.take_over(QUEUE, "n1")
        await store.commit(QUEUE, 1, batch("b1", write("a", b"1", b"2", b"3")))
        proxy.lose_reply(b"fold-2")

        done = await store.commit(QUEUE, 1, batch("fold-2", write("a", b"folded", dropped=2)))

        assert proxy.lost == 1
        assert done.repeated
        assert await journal(store, "a") == [b"1", b"folded"]


async def test_a_request_that_arrives_long_after_its_repetition_changes_nothing(
    own_redis: RedisServer, namespace: str
) -> None:
    async with redis_proxy(own_redis.port) as proxy, opened(proxy.url, namespace) as store:
        await store.take_over(QUEUE, "n1")
        await store.commit(QUEUE, 1, batch("first", write("a", b"0")))
        proxy.hold_request(b"held-back")
        await store.commit(QUEUE, 1, batch("held-back", write("a", b"1")))
        for number in range(2, 300):
            await store.commit(QUEUE, 1, batch(f"batch {number}", write("a", b"%d" % number)))

        await proxy.release()

        assert await journal(store, "a") == [b"%d" % number for number in range(300)]


async def test_an_attempt_whose_reply_is_lost_counts_once(own_redis: RedisServer, namespace: str) -> None:
    async with redis_proxy(own_redis.port) as proxy, opened(proxy.url, namespace) as store:
        await store.take_over(QUEUE, "n1")
        await store.mark_attempts(QUEUE, 1, ["poison"], "node-1", before="node-0")
        proxy.lose_reply(b"poison")

        await store.mark_attempts(QUEUE, 1, ["poison"], "node-2", before="node-1")
        assert proxy.lost == 1
        assert await store.tried(QUEUE, ["poison"]) == [{"node-0", "node-1", "node-2"}]
        await store.commit(QUEUE, 1, batch("b1", survived=("poison", "never tried")))
        assert await store.tried(QUEUE, ["poison"]) == [frozenset()]


@pytest.mark.kills_servers
async def test_every_acknowledged_commit_survives_signal_9_and_none_is_doubled(
    own_redis: RedisServer, namespace: str
) -> None:
    queues = [MailboxQueue("Kill", index) for index in range(4)]
    stop = asyncio.Event()

    async with opened(own_redis.url, namespace, deadline=30) as store:
        progress = asyncio.Semaphore(0)

        async def load(queue: MailboxQueue) -> int:
            epoch = (await store.take_over(queue, "n1")).epoch
            number = 0
            while not stop.is_set():
                await store.commit(queue, epoch, batch(f"{queue}-{number}", write("a", b"%d" % number)))
                number += 1
                progress.release()
            return number

        async def more(commits: int) -> None:
            for _ in range(commits):
                await asyncio.wait_for(progress.acquire(), 30)

        async def kill() -> None:
            for _ in range(3):
                await more(random.randrange(100, 300))
                own_redis.kill()
                await asyncio.to_thread(own_redis.start)
            await more(100)
            stop.set()

        _, counts = await asyncio.gather(kill(), asyncio.gather(*(load(queue) for queue in queues)))
        journals = [await journal(store, "a", queue) for queue in queues]

    assert journals == [[b"%d" % number for number in range(count)] for count in counts]
    assert all(len(one) > 10 for one in journals)


@pytest.mark.kills_servers
async def test_what_does_not_answer_is_unavailable_at_the_deadline(own_redis: RedisServer, namespace: str) -> None:
    async with opened(own_redis.url, namespace, deadline=1) as store:
        await store.take_over(QUEUE, "n1")
        own_redis.pause()
        try:
            started = asyncio.get_running_loop().time()
            with pytest.raises(StoreUnavailable, match="within 1 s"):
                await store.commit(QUEUE, 1, batch("b1", write("a", b"1")))
            took = asyncio.get_running_loop().time() - started
        finally:
            own_redis.resume()

        assert took < 1.5
        await store.commit(QUEUE, 1, batch("b1", write("a", b"1")))
        assert await journal(store, "a") == [b"1"]


@pytest.mark.kills_servers
async def test_opening_waits_for_a_server_that_comes_up_later(own_redis: RedisServer, namespace: str) -> None:
    own_redis.stop()
    store = RedisStore(own_redis.url, namespace)
    failed = asyncio.Event()
    logger.enable("leveret_actors")
    sink = logger.add(lambda _: failed.set(), filter="leveret_actors.store")
    opening = asyncio.create_task(store.open())
    await asyncio.wait_for(failed.wait(), 15)
    logger.remove(sink)
    assert not opening.done()

    await asyncio.to_thread(own_redis.start)

    await asyncio.wait_for(opening, 15)
    await store.close()


async def test_a_batch_of_20_000_timers_and_records_is_one_commit(own_redis: RedisServer, namespace: str) -> None:
    timers = tuple(Timer("a", "r1", number, 1e9 + number) for number in range(20_000))
    records = [b"%d" % number for number in range(20_000)]
    members = tuple(MemberWrite(actor="a", instance=f"i{n}", run="r", number=n + 1) for n in range(20_000))

    async with opened(own_redis.url, namespace) as store:
        await store.take_over(QUEUE, "n1")
        await store.commit(QUEUE, 1, batch("b1", write("a", *records, timers=timers), members=members))

        assert (await store.due(QUEUE, 30_000)).timers == timers
        assert await journal(store, "a") == records
        assert len(await store.members(QUEUE, "a", 0, 30_000)) == 20_000

        gone = tuple((timer.run, timer.number) for timer in timers[:-1])
        await store.commit(QUEUE, 1, batch("b2", write("a", timers_removed=gone)))
        assert (await store.due(QUEUE, 30_000)).timers == timers[-1:]

        await store.commit(QUEUE, 1, batch("b3", write("a", delete=True)))
        assert (await store.due(QUEUE, 10)).timers == ()


async def test_an_actor_that_is_removed_leaves_no_key_behind(own_redis: RedisServer, namespace: str) -> None:
    gone = write("a:1", b"x", timers=(Timer("a:1", "r", 1, 5.0),), stalled=True, closed=True, expires=1.0)
    left = write("a", b"y", timers=(Timer("a", "r", 1, 5.0),))
    other = write("a:12", b"y", timers=(Timer("a:12", "r", 1, 6.0),))
    joined = MemberWrite(actor="a:1", instance="i", run="r", number=1)

    async with opened(own_redis.url, namespace) as store:
        await store.take_over(QUEUE, "n1")
        await store.commit(QUEUE, 1, batch("b1", gone, left, other, members=(joined,)))
        assert await store.expire(QUEUE, 1, keep=10, limit=10) == 1

        assert (await store.due(QUEUE, 10)).timers == left.timers + other.timers

    keys = own_redis.cli("--scan", "--pattern", f"{{{namespace}:Booking:7}}:*").split()
    names = {key.partition("}:")[2] for key in keys}
    actors = {"actor:a", "journal:a", "actor:a:12", "journal:a:12"}
    assert names == {"meta", "status:running", "timers", "timers-by-actor", *actors}


async def test_values_and_times_come_back_exactly(own_redis: RedisServer, namespace: str) -> None:
    data = bytes(range(256)) * 300
    times = [1795344588.8371582, 1795344588.8371584, 0.1 + 0.2, 2.0**30 + 2.0**-22, 1e-7]
    name = "ключ} {\"'\n 3:abc:"
    timers = tuple(Timer(name, "7:run", number, at) for number, at in enumerate(times))

    async with opened(own_redis.url, namespace) as store:
        await store.take_over(QUEUE, "n1")
        outbox = (Outgoing(ServiceQueue("S"), data, 0.1 + 0.2),)
        join = MemberWrite(actor=name, instance="5:a", run="b:c", number=2**53 - 1)
        done = await store.commit(
            QUEUE, 1, batch("b1", write(name, data, b"", state=data, timers=timers), outbox=outbox, members=(join,))
        )

        (record,) = await store.load(QUEUE, [name])
        assert record is not None
        assert (record.state, record.journal) == (data, (data, b""))
        assert set((await store.due(QUEUE, 10)).timers) == set(timers)
        assert (await store.take_over(QUEUE, "n2")).pending[0].items == outbox
        assert (await store.members(QUEUE, name, 2**53 - 2, 5))[0].number == 2**53 - 1
        assert await store.find_members(QUEUE, name, [("5:a", "b:c"), ("5", "ab:c")]) == [2**53 - 1, 0]
        assert [row.updated for row in await store.instances(QUEUE, "running", "", 5)] == [done.clock]


@pytest.mark.parametrize("part", ["journal:a", "timers", "pending", "status:running", "members:a"])
async def test_a_foreign_key_stops_a_commit_before_its_first_write(
    own_redis: RedisServer, namespace: str, part: str
) -> None:
    foreign = f"{{{namespace}:Booking:7}}:{part}"
    full = batch(
        "b1",
        write("first", b"1"),
        write("a", b"1", timers=(Timer("a", "r", 1, 5.0),)),
        outbox=(Outgoing(ServiceQueue("S"), b"x"),),
        members=(MemberWrite(actor="a", instance="i", run="r", number=1),),
    )

    async with opened(own_redis.url, namespace) as store:
        await store.take_over(QUEUE, "n1")
        own_redis.cli("set", foreign, "not ours")
        with pytest.raises(StoreRefused, match="choose another namespace"):
            await store.commit(QUEUE, 1, full)
        own_redis.cli("del", foreign)

        assert await store.load(QUEUE, ["first", "a"]) == [None, None]
        assert not (await store.commit(QUEUE, 1, full)).repeated


async def test_a_full_server_is_unavailable_and_nothing_is_written(own_redis: RedisServer, namespace: str) -> None:
    async with opened(own_redis.url, namespace, deadline=1) as store:
        await store.take_over(QUEUE, "n1")
        own_redis.cli("config", "set", "maxmemory", "1")
        try:
            with pytest.raises(StoreUnavailable, match="raise maxmemory"):
                await store.commit(QUEUE, 1, batch("b1", write("a", b"1")))
        finally:
            own_redis.cli("config", "set", "maxmemory", "0")

        assert await journal(store, "a") == []


async def test_commits_of_two_owners_under_one_epoch_number_do_not_mix(own_redis: RedisServer, namespace: str) -> None:
    async with opened(own_redis.url, namespace) as first, opened(own_redis.url, namespace) as second:
        await first.take_over(QUEUE, "n1")
        await second.take_over(QUEUE, "n2")

        calls: list[Callable[[], Awaitable[object]]] = [
            lambda: first.commit(QUEUE, 1, batch("b1", write("a", b"1"))),
            lambda: first.mark_attempts(QUEUE, 1, ["a"], "node-1"),
            lambda: first.expire(QUEUE, 1, keep=1, limit=1),
        ]
        for call in calls:
            with pytest.raises(StaleEpoch):
                await call()
        assert await second.load(QUEUE, ["a"]) == [None]


async def test_long_journals_are_loaded_in_several_answers(
    own_redis: RedisServer, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queues, "PAGE_BYTES", 10)
    answers: list[int] = []
    run = Link.run

    async def counted(link: Link, script: Script, *rest: Any, **options: Any) -> Any:
        found = await run(link, script, *rest, **options)
        if script is scripts.LOAD:
            answers.append(len(found))
        return found

    monkeypatch.setattr(Link, "run", counted)
    async with opened(own_redis.url, namespace) as store:
        await store.take_over(QUEUE, "n1")
        await store.commit(QUEUE, 1, batch("b1", *(write(name, b"x" * 11) for name in "abc"), write("d", b"y")))

        found = await store.load(QUEUE, ["a", "none", "b", "c", "d"])

    journals = [None if one is None else b"".join(one.journal) for one in found]
    assert journals == [b"x" * 11, None, b"x" * 11, b"x" * 11, b"y"]
    assert answers == [1, 2, 1, 1]
