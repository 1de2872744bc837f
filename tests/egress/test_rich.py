"""Events of every type, held against the journals of those they are about, whatever crashes meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from leveret import Client, events
from leveret.events import WorkflowEvent
from leveret_actors.workflow import journal
from tests.egress.harness import SECONDS, Ear, node
from tests.egress.oracle import Oracle
from tests.egress.rich import WANTED, Job, drive
from tests.endtoend.house import until
from tests.servers import RabbitServer, RedisServer

ROOT = Path(__file__).parents[2]
NAMES = ["a", "b"]


@pytest.fixture(params=["sqlite", pytest.param("servers", marks=pytest.mark.slow)])
def url(request: pytest.FixtureRequest, namespace: str, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'events.db'}?ns={namespace}"
    rabbit: RabbitServer = request.getfixturevalue("rabbit")
    redis: RedisServer = request.getfixturevalue("redis_server")
    return f"{rabbit.url}?store={redis.url}&ns={namespace}"


@pytest.mark.parametrize("point", [pytest.param("after-decide:25", marks=pytest.mark.slow), "after-commit:30"])
async def test_a_node_that_is_killed_loses_invents_and_repeats_no_event(url: str, point: str) -> None:
    ear = Ear(workflows="*")
    async with node(url, ear, hosts=False), Client(url) as client, asyncio.timeout(6 * SECONDS):
        async with _host(url, LEVERET_FAULT=point) as doomed:
            driving = asyncio.create_task(drive(client, NAMES))
            assert await doomed.wait() == -signal.SIGKILL
        async with _host(url, LEVERET_RICH="other"):
            await driving
            for name in NAMES:
                await client.get(Job, id=f"{name}-changes").inbox.send("go on")
            await agreed(client, ear)

    assert set(ear.types) >= WANTED


@pytest.mark.slow
async def test_a_restart_of_the_broker_loses_and_invents_no_event(
    own_rabbit: RabbitServer, redis_server: RedisServer, namespace: str
) -> None:
    url = f"{own_rabbit.url}?store={redis_server.url}&ns={namespace}"
    ear = Ear(workflows="*")
    async with node(url, ear, hosts=False), Client(url) as client, asyncio.timeout(6 * SECONDS), _host(url):
        await client.new(Job, id="before").tasks()
        await asyncio.to_thread(own_rabbit.settle)
        driving = asyncio.create_task(drive(client, NAMES))
        await ear.until(lambda: len(ear.heard) > 40)
        await asyncio.to_thread(own_rabbit.stop)
        await asyncio.to_thread(own_rabbit.start)
        await driving
        await agreed(client, ear)


async def agreed(client: Client, ear: Ear) -> None:
    """Wait until just that was heard of each instance which its journal implies, and each discarded signal."""
    wrong = [""]

    async def agrees() -> bool:
        wrong[0] = await disagreement(client, ear)
        return not wrong[0]

    try:
        await until(agrees, "the events are what the journals imply", 2 * SECONDS)
    except AssertionError:
        raise AssertionError(wrong[0]) from None
    discarded = {event.message_id for event in ear.of(events.SignalDiscarded)}
    assert discarded == {f"{name}-{message}" for name in NAMES for message in ("m1", "m2")}


async def disagreement(client: Client, ear: Ear) -> str:
    """Say of which instance something else was heard than its journal implies."""
    once: dict[str, WorkflowEvent] = {}
    for event in ear.of(WorkflowEvent):
        if not isinstance(event, events.SignalDiscarded):
            assert once.setdefault(event.id, event) == event
    heard: dict[tuple[str, str], list[WorkflowEvent]] = {}
    for event in once.values():
        heard.setdefault((event.workflow, event.instance), []).append(event)
    for (kind, instance), told in heard.items():
        records = [journal.decode(data) async for data in client.history(client.get(kind, id=instance))]
        wrong = Oracle().disagrees(records, told)
        if wrong:
            return f"{kind} {instance}: {wrong}"
    return ""


@contextlib.asynccontextmanager
async def _host(url: str, **environment: str) -> AsyncGenerator[asyncio.subprocess.Process]:
    """Run a node with all of the work in another process, and have it stop at the end."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.egress.rich", url, cwd=ROOT, env={**os.environ, **environment}
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        await process.wait()
