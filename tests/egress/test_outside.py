"""Events as others see them: plain AMQP, the specification of CloudEvents, and crashes."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import sys
from pathlib import Path
from typing import Any

import pytest
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

from leveret import Client, cloud_events, events
from leveret.events import SERVICE_EVENTS, WORKFLOW_EVENTS
from leveret_actors import Settings
from leveret_actors.settings import EVERYTHING, EventSettings
from leveret_broker.errors import DecodeError
from leveret_broker.outcome import Failure
from tests.asyncapi.official import VALIDATORS
from tests.egress.harness import SECONDS, Ear, Quick, Slow, node
from tests.servers import RabbitServer, RedisServer

ROOT = Path(__file__).parents[2]


async def test_a_plain_amqp_client_gets_cloud_events(
    rabbit: RabbitServer, redis_server: RedisServer, namespace: str
) -> None:
    settings = Settings(mailboxes=1, events=EventSettings(publish=EVERYTHING))
    url = f"{rabbit.url}?store={redis_server.url}&ns={namespace}"
    async with node(url, settings=settings), Client(url) as client, asyncio.timeout(SECONDS):
        consumer = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.egress.plain_consumer", rabbit.url, f"{namespace}.events", "#", "7",
            cwd=ROOT, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        assert consumer.stdout is not None
        assert await consumer.stdout.readline() == b"bound\n"
        assert await client.new(Slow, id="s").run("word") == "word"
        lines = (await consumer.stdout.read()).decode().splitlines()

    found = [json.loads(line) for line in lines]
    read = [JSONFormat().read(CloudEvent, body) for _, _, body in found]
    for _, _, body in found:
        VALIDATORS["event"].validate(json.loads(body))
    assert {kind for kind, _, _ in found} == {"application/cloudevents+json"}
    assert {key for _, key, _ in found} >= {"workflow.shop.Slow.dispatched", "service.Mill.started"}
    assert {one.get_source() for one in read} == {
        f"/leveret/{namespace}/workflow/shop.Slow",
        f"/leveret/{namespace}/service/Mill",
    }
    assert {one.get_subject() for one in read if "workflow" in one.get_source()} == {"s"}


@pytest.mark.parametrize(
    "kind", [*WORKFLOW_EVENTS.values(), *SERVICE_EVENTS.values()], ids=lambda kind: str(kind.__name__)
)
def test_each_event_is_a_cloud_event_and_comes_back_as_it_was(kind: type[Any]) -> None:
    samples: dict[str, Any] = {"str": "text", "float": 1.5, "int": 3, "tuple[str, ...]": ("a",), "dict[str, str]": {}}
    samples["Failure"] = Failure("E", "why")
    event = kind(
        **{
            name: samples[str(annotation)]
            for name, annotation in _annotations(kind).items()
            if name not in {"id", "at"} and str(annotation) in samples
        }
        | {"id": "1", "at": 1_700_000_000.25}
    )

    body = cloud_events.encode(event, "ns")
    read = JSONFormat().read(CloudEvent, body)

    VALIDATORS["event"].validate(json.loads(body))
    assert cloud_events.decode(body) == event
    assert (read.get_id(), read.get_specversion(), read.get_subject()) == ("1", "1.0", cloud_events.subject_of(event))
    assert read.get_type() == f"leveret.{cloud_events.key_of(event).split('.')[0]}.{event.type}"
    assert not {"id", "at"} & set(json.loads(body)["data"])


def _annotations(kind: type[Any]) -> dict[str, str]:
    return {name: text for cls in reversed(kind.__mro__) for name, text in vars(cls).get("__annotations__", {}).items()}


def test_what_is_no_event_is_told_from_one_of_a_later_version() -> None:
    known = cloud_events.encode(events.WorkflowCompleted(workflow="A", instance="i", run="r", id="1"), "ns")

    assert cloud_events.decode(known.replace(b"workflow.completed", b"workflow.dreamt")) is None
    before_christ = re.sub(rb'"time":"[^"]*"', b'"time":"0001-01-01T00:00:00"', known)
    for body in (b"", b"{}", b"[1]", known[:-2], before_christ):
        with pytest.raises(DecodeError):
            cloud_events.decode(body)


# -- crashes ----------------------------------------------------------------------------------------------------------

POINTS = ["after-decide:2", "after-commit:3", "after-acknowledge:2", "between-publishes:4", "before-settle:1"]
EXPECTED = ["dispatched", "taskDispatched", "taskCompleted", "methodCompleted", "completed"]


@pytest.mark.parametrize("point", POINTS)
async def test_no_event_is_lost_invented_or_out_of_order_when_a_node_is_killed(
    rabbit: RabbitServer, redis_server: RedisServer, namespace: str, point: str
) -> None:
    url = f"{rabbit.url}?store={redis_server.url}&ns={namespace}"
    ear = Ear(workflows="*")
    names = [f"s{number}" for number in range(6)]
    async with node(url, ear, hosts=False), Client(url) as client, asyncio.timeout(4 * SECONDS):
        doomed = await _host(url, {"LEVERET_FAULT": point})
        for name in names:
            await client.dispatch(client.new(Slow, id=name).run, "word")
        assert await doomed.wait() == -signal.SIGKILL
        survivor = await _host(url, {})
        await ear.ended(*names)
        survivor.send_signal(signal.SIGTERM)
        await survivor.wait()

    assert told_once(ear) == dict.fromkeys(names, EXPECTED)


async def test_events_survive_a_restart_of_the_broker(
    own_rabbit: RabbitServer, redis_server: RedisServer, namespace: str
) -> None:
    url = f"{own_rabbit.url}?store={redis_server.url}&ns={namespace}"
    ear = Ear(workflows="*")
    names = [f"q{number}" for number in range(8)]
    async with node(url, ear), Client(url) as client, asyncio.timeout(4 * SECONDS):
        assert await client.new(Quick, id="before").run("a") == "a"
        await ear.ended("before")
        await asyncio.to_thread(own_rabbit.settle)
        handles = [await client.dispatch(client.new(Quick, id=name).run, "a") for name in names]
        await asyncio.to_thread(own_rabbit.stop)
        await asyncio.to_thread(own_rabbit.start)
        for handle in handles:
            await handle.result(2 * SECONDS)
        await ear.ended(*names)

    assert told_once(ear) == {name: ["dispatched", "methodCompleted", "completed"] for name in ("before", *names)}


def told_once(ear: Ear) -> dict[str, list[str]]:
    """Return the types of what was heard of each instance, repetitions left out."""
    first = {event.id: event for event in reversed(ear.of(events.WorkflowEvent))}
    found: dict[str, list[str]] = {}
    seen = set[str]()
    for event in ear.of(events.WorkflowEvent):
        assert (event.type, event.run) == (first[event.id].type, first[event.id].run)
        if event.id not in seen:
            seen.add(event.id)
            found.setdefault(event.instance, []).append(event.type)
    return found


async def _host(url: str, environment: dict[str, str]) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.egress.hosting", url, cwd=ROOT, env={**os.environ, **environment}
    )
