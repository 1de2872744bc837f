"""The JSON Schemas of commands, replies and events say what the code reads and writes, neither more nor less."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import combinations, product
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest

from leveret import Client
from leveret.errors import WorkflowCancelled, WorkflowFailed
from leveret.url import Url
from leveret_actors.asyncapi import wire_schemas
from leveret_actors.backends import backends
from leveret_actors.ingress import CommandRefused, parse
from leveret_actors.ingress.bodies import BODIES
from leveret_actors.ingress.command import Verb
from leveret_actors.ingress.parsing import _PARSERS
from leveret_actors.settings import EVERYTHING, EventSettings, Settings
from leveret_broker.address import ListenerQueue
from leveret_broker.command import RawCommand
from tests.asyncapi.official import SCHEMAS, VALIDATORS, validator
from tests.egress.harness import SECONDS, Slow, node
from tests.ingress.test_wire_page import COMMANDS, REPLIES

ROOT = Path(__file__).parents[2]
KEYS: dict[Verb, str] = {"signal": "signal.Order.paid", "call": "call.Order.run"}
VALUES = ["", "a", "x" * 200, "x" * 201, None, True, False, 0, 7, -1, 0.5, [], ["t"], [""], ["x" * 201], [1], {},
          {"a": "b"}, {"a": 1}, {"id": "a"}, {"id": ""}, {"method": "m"}, {"methods": "m"}, {"message": "m"}, "new",
          "existing", "fail", "started"]  # fmt: skip
FEW = ["", "a", True, None, {}, {"id": "a"}]


def test_the_files_are_what_the_code_says() -> None:
    """Write them anew, when the change is meant: `leveret schemas docs/schemas`."""
    assert json.loads(msgspec.json.encode(wire_schemas())) == SCHEMAS
    for schema in SCHEMAS.values():
        validator(schema)


def test_each_verb_and_each_file_is_named_on_the_pages() -> None:
    pages = (ROOT / "docs/wire.md").read_text() + (ROOT / "docs/events.md").read_text()

    assert list(BODIES) == list(_PARSERS) == list(get_args(Verb))
    for name in SCHEMAS:
        assert f"](schemas/{name}.json)" in pages


@pytest.mark.parametrize(("routing_key", "body"), COMMANDS, ids=[f"{key}-{at}" for at, (key, _) in enumerate(COMMANDS)])
def test_each_command_of_the_page_fits(routing_key: str, body: str) -> None:
    VALIDATORS[routing_key.partition(".")[0]].validate(json.loads(body))


@pytest.mark.parametrize("body", REPLIES, ids=[str(at) for at in range(len(REPLIES))])
def test_each_reply_of_the_page_fits(body: str) -> None:
    VALIDATORS["reply"].validate(json.loads(body))


def bodies(verb: Verb) -> Iterator[dict[str, Any]]:
    """Return bodies with each value in each field, and with each two fields."""
    whole: dict[str, Any] = {"error": "no"} if verb == "fail" else {}
    names = [*BODIES[verb].__struct_encode_fields__, "unknown"]
    yield {}
    for name, value in product(names, VALUES):
        yield whole | {name: value}
    for two in combinations(names, 2):
        for values in product(FEW, repeat=2):
            yield whole | dict(zip(two, values, strict=True))


@pytest.mark.parametrize("verb", list(BODIES))
def test_a_body_fits_if_the_parser_takes_it(verb: Verb) -> None:
    for body in bodies(verb):
        assert VALIDATORS[verb].is_valid(body) == takes(verb, body), body


def takes(verb: Verb, body: dict[str, Any], headers: dict[str, Any] | None = None) -> bool:
    """Tell whether the parser takes a body; where nobody is meant, a header may say who."""
    try:
        parse(RawCommand(KEYS.get(verb, f"{verb}.Order"), json.dumps(body).encode(), headers or {}), "m")
    except CommandRefused as refused:
        return refused.text.startswith("nobody is meant") and takes(verb, body, {"id": "h"})
    return True


async def test_what_is_published_fits() -> None:
    url = "memory://schemas"
    settings = Settings(mailboxes=1, heartbeat=0.2, events=EventSettings(publish=EVERYTHING))
    transport, _ = backends(Url.parse(url))
    await transport.open(SECONDS)
    heard = await transport.subscribe_events(ListenerQueue("schemas"), EVERYTHING, 1000)
    async with node(url, settings=settings), Client(url) as client:
        assert await client.new(Slow, id="retried", tags={"a"}).run("twice") == "twice"
        with pytest.raises(WorkflowFailed):
            await client.new(Slow, id="failed").run("stone")
        hearing = await client.dispatch(client.new(Slow, id="hears").hear, 1)
        await client.get(Slow, id="hears").words.send("a")
        assert await hearing.result(SECONDS) == ["a"]
        await client.get(Slow, id="hears").words.send("late")
        waiting = await client.dispatch(client.new(Slow, id="cancelled").hear, 1)
        await waiting.cancel("enough")
        with pytest.raises(WorkflowCancelled):
            await waiting.result(SECONDS)

        types = set[str]()
        wanted = {"workflow.signalDiscarded", "workflow.cancelled", "service.retryScheduled", "workflow.tagsRemoved"}
        while not {f"leveret.{one}" for one in wanted} <= types:
            deliveries = await heard.take()
            for delivery in deliveries:
                event = json.loads(delivery.bodies[0])
                VALIDATORS["event"].validate(event)
                types.add(event["type"])
            heard.acknowledge(deliveries)

    assert {"leveret.workflow.failed", "leveret.service.failed", "leveret.workflow.taskFailed"} <= types
    await transport.close()


@pytest.mark.parametrize(
    "change",
    [
        {"type": "leveret.workflow.dreamt"},
        {"specversion": "0.3"},
        {"subject": 1},
        {"data": {"workflow": "A"}},
        {"data": {"workflow": "A", "instance": "i", "run": "r", "method": 1}},
    ],
    ids=str,
)
def test_what_is_no_event_does_not_fit(change: dict[str, Any]) -> None:
    event = json.loads((ROOT / "docs/events.md").read_text().rpartition("```json\n")[2].partition("```")[0])
    VALIDATORS["event"].validate(event)

    assert not VALIDATORS["event"].is_valid(event | change)
