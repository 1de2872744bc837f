"""Events of services: what workers and routers tell of a task, each a CloudEvent as the specification has it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

from leveret import Client, cloud_events, events
from leveret.errors import TaskFailed
from leveret.events import SERVICE_EVENTS, ServiceEvent
from leveret.url import Url
from leveret_actors import Settings
from leveret_actors.backends import backends
from leveret_actors.service import LeaseSweeper
from leveret_actors.service.telling import TaskTeller
from leveret_actors.settings import EVERYTHING, EventSettings
from leveret_actors.store.leases import DELEGATED, Lease
from leveret_actors.store.memory import MemoryStore
from leveret_actors.voice import Voice
from leveret_broker.address import DEAD_LETTERS, ListenerQueue
from leveret_broker.codec import Codec
from leveret_broker.embedded.memory import MemoryTransport
from leveret_broker.envelope import Envelope, Task, encode
from leveret_broker.transport import Subscription
from tests.egress.harness import SECONDS, Mill, node

SETTINGS = Settings(mailboxes=1, events=EventSettings(publish=EVERYTHING))


@pytest.fixture(params=["memory", "sqlite"])
def url(request: pytest.FixtureRequest, namespace: str, tmp_path: Path) -> str:
    return f"memory://{namespace}" if request.param == "memory" else f"sqlite:///{tmp_path / 'events.db'}"


class Wire:
    """What is published of services, read as any client reads it."""

    def __init__(self, subscription: Subscription) -> None:
        self._subscription = subscription

    async def next(self, count: int) -> list[ServiceEvent]:
        """Return so many events, once the `cloudevents` package has taken each."""
        found: list[ServiceEvent] = []
        while len(found) < count:
            deliveries = await self._subscription.take()
            self._subscription.acknowledge(deliveries)
            for body in (body for delivery in deliveries for body in delivery.bodies):
                event = cloud_events.decode(body)
                assert isinstance(event, ServiceEvent)
                read = JSONFormat().read(CloudEvent, body)
                assert (read.get_id(), read.get_subject()) == (event.id, event.task_id)
                assert (read.get_type(), read.get_specversion()) == (f"leveret.service.{event.type}", "1.0")
                found.append(event)
        return found


async def test_workers_and_routers_tell_of_tasks_what_happens(url: str) -> None:
    transport, store = backends(Url.parse(url))
    await store.open()
    await transport.open()
    async with node(url, settings=SETTINGS), Client(url) as client, asyncio.timeout(SECONDS):
        wire = Wire(await transport.subscribe_events(ListenerQueue("raw"), ["service.#"], 100))
        mill = client.service(Mill)

        assert await mill.grind("twice") == "twice"
        retried = await wire.next(5)
        with pytest.raises(TaskFailed):
            await mill.grind("stone")
        failed = await wire.next(5)
        handle = await client.dispatch(mill.wait, "a")
        delegated = await wire.next(2)
        await client.complete_task("Mill", delegated[0].task_id, None)
        delegated += await wire.next(1)
        await handle.result(SECONDS)
        lost = Task("t-lost", "Mill", "grind", Codec().dump({"word": "a"}), attempt=3)
        body = encode(Envelope("lost", "", lost))
        await transport.publish(DEAD_LETTERS, body, reason="delivery_limit", source="Mill")
        (buried,) = await wire.next(1)
    await transport.close()
    await store.close()

    assert [one.type for one in retried] == ["dispatched", "started", "retryScheduled", "started", "completed"]
    assert [one.type for one in failed] == ["dispatched", "started", "retryScheduled", "started", "failed"]
    assert [one.type for one in delegated] == ["dispatched", "started", "delegationCompleted"]
    again, end = retried[2], failed[-1]
    assert isinstance(again, events.ServiceTaskRetryScheduled)
    assert (again.attempt, again.delay, again.failure.message) == (1, 0.0, "twice")
    assert isinstance(end, events.ServiceTaskFailed)
    assert (end.attempt, end.failure.message, end.failure.traceback) == (2, "stone", "")
    assert isinstance(buried, events.ServiceTaskFailed)
    assert (buried.task_id, buried.attempt) == ("t-lost", 3)
    ids = [one.id for one in (*retried, *failed, *delegated, buried)]
    assert len(set(ids)) == len(ids)


async def test_the_sweeper_tells_that_nobody_completed_a_delegated_task(namespace: str) -> None:
    transport = MemoryTransport(namespace, namespace)
    now = [1_700_000_000.0]
    store = MemoryStore(namespace, clock=lambda: now[0])
    await store.open()
    await transport.open()
    voice = Voice(lambda: frozenset(SERVICE_EVENTS), "Mill", namespace)
    teller = TaskTeller(transport, lambda _: voice, worker="n", clock=lambda: now[0])
    sweeper = LeaseSweeper(transport, store, node="n", settings=None, teller=teller, clock=lambda: now[0])
    wire = Wire(await transport.subscribe_events(ListenerQueue("raw"), ["service.#"], 100))
    body = encode(Envelope("m", "", Task("t", "Mill", "wait", Codec().dump({"word": "a"}))))
    lease = Lease(task="t", service="Mill", name="wait", sequence=0, attempt=1, status=DELEGATED, body=body)
    assert await store.hold([lease], 5) == [None]

    now[0] += 6
    async with asyncio.timeout(SECONDS):
        assert await sweeper.sweep() == 1
        (told,) = await wire.next(1)

    assert isinstance(told, events.ServiceTaskFailed)
    assert (told.task_id, told.failure.message) == ("t", "nobody completed the delegated task Mill.wait")
    await transport.close()
    await store.close()
