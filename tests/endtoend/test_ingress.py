"""Other applications publish JSON: each command has its effect once, in order, and garbage harms nobody."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from leveret import Client
from leveret_actors.dead_letters import DeadLetters, Letter
from tests.endtoend.conftest import url_of
from tests.endtoend.house import House, until
from tests.endtoend.mailroom import Tally

SECONDS = 40.0


@pytest.fixture(params=["sqlite", "rabbitmq"], scope="module")
def mailroom(request: pytest.FixtureRequest) -> Iterator[House]:
    """One namespace for this module, with a node: its tests share queues, not ids."""
    with House(url_of(request.param, request)) as house:
        asyncio.run(house.serving("mailroom"))
        yield house


@pytest.fixture
async def sender(mailroom: House) -> AsyncIterator[Client]:
    async with Client(mailroom.url) as client:
        yield client


@pytest.fixture
def name() -> str:
    return f"i{secrets.token_hex(4)}"


async def ask(client: Client, routing_key: str, body: dict[str, Any] | bytes, **headers: Any) -> dict[str, Any]:
    reply = await client.request(routing_key, body, headers=headers, timeout=SECONDS)
    return {key: value for key, value in reply.items() if key != "message_id"}


async def start(client: Client, name: str, count: int, **more: Any) -> None:
    body = {"id": name, "method": "run", "arguments": {"count": count}, "reply": "started", **more}
    assert (await ask(client, "start.Tally", body))["status"] == "started"


async def result(client: Client, name: str, workflow: str = "Tally") -> Any:
    return await client.result(client.get(workflow, id=name), timeout=SECONDS)


async def letters(url: str, *, said: str) -> list[Letter]:
    """Return the dead letters that a test made."""
    async with DeadLetters(url) as found:
        return [one async for one in found.list() if said in one.body or said in one.what]


async def test_each_verb_is_carried_out_and_answered(sender: Client, name: str) -> None:
    body = {"id": name, "method": "run", "arguments": [2], "tags": [f"tag:{name}"], "reply": "started"}
    begun = await ask(sender, "start.Tally", body)
    assert (begun["status"], begun["id"], begun["new"]) == ("started", name, True)

    by_tag = await ask(sender, "signal.Tally.steps", {"value": 3}, tag=f"tag:{name}")
    nobody = await ask(sender, "signal.Tally.steps", {"value": 3, "tag": f"none:{name}"})
    called = await ask(sender, "call.Tally.add", {"id": name, "arguments": {"number": 5}})
    by_id = await ask(sender, "signal.Tally.steps", {"id": name, "value": 4})

    assert (by_tag["count"], nobody["count"]) == (1, 0)
    assert called == {"status": "completed", "value": 6}
    assert by_id == {"status": "sent"}
    assert await result(sender, name) == [3, 4]
    assert await ask(sender, "call.Tally.total", {"id": name}) == {"status": "completed", "value": 7}
    assert (await ask(sender, "call.Tally.add", {"id": f"no-{name}", "arguments": [1]}))["status"] == "unknown"
    assert (await ask(sender, "call.Tally.add", {"tag": f"none:{name}", "arguments": [1]}))["count"] == 0
    failed = await ask(sender, "start.Broken", {})
    assert failed == {"status": "failed", "failure": {"type": "ValueError", "message": "no"}}


async def test_a_cancelled_start_is_told_so(sender: Client, name: str) -> None:
    body = {"id": name, "method": "run", "arguments": [1]}
    waiting = asyncio.create_task(ask(sender, "start.Tally", body))
    await asyncio.sleep(0)

    while (await ask(sender, "cancel.Tally", {"id": name, "reason": "sold out"}))["count"] == 0:
        await asyncio.sleep(0.05)

    assert await waiting == {"status": "cancelled", "text": "sold out"}


async def test_a_delegated_task_is_completed_or_failed(sender: Client, name: str) -> None:
    for end, body in (("complete", {"result": True}), ("fail", {"error": "nobody is in"})):
        waiting = asyncio.create_task(ask(sender, "start.Purchase", {"id": f"{name}{end}", "arguments": ["car"]}))
        task = await _pending_task(sender, f"{name}{end}")

        misfit = await ask(sender, "complete.Approval", {"id": task, "result": "yes"})
        while (await ask(sender, f"{end}.Approval", {"id": task, **body}))["count"] == 0:
            await asyncio.sleep(0.05)  # its function has not returned yet

        assert misfit["status"] in {"refused", "unknown"}
        expected = "car: True" if end == "complete" else "car: TaskFailed"
        assert await waiting == {"status": "completed", "value": expected}


async def _pending_task(client: Client, name: str) -> str:
    while True:
        described = await client.describe(client.get("Purchase", id=name), timeout=SECONDS)
        pending: Any = described.data.get("pending")
        if pending:
            return str(pending[0]["task_id"])
        await asyncio.sleep(0.05)


async def test_a_message_id_that_comes_again_has_no_second_effect(sender: Client, name: str) -> None:
    body = {"method": "run", "arguments": [2], "unique_tag": name}
    for _ in range(3):
        await sender.publish("start.Tally", body, message_id=f"start-{name}")
        await sender.publish("signal.Tally.steps", {"unique_tag": name, "value": 1}, message_id=f"one-{name}")
    await sender.publish("signal.Tally.steps", {"unique_tag": name, "value": 2}, message_id=f"two-{name}")

    reply = await sender.request("start.Tally", body, message_id=f"start-{name}", timeout=SECONDS)

    assert reply["value"] == [1, 2]
    assert reply["message_id"] == f"start-{name}"


async def test_signals_by_unique_tag_start_who_is_absent_once(sender: Client, name: str) -> None:
    opening = {"method": "run", "arguments": {"count": 31}}  # the last one is held back: whoever ended frees the tag
    body = {"unique_tag": name, "start": opening}

    await asyncio.gather(*[sender.publish("signal.Tally.steps", {**body, "value": number}) for number in range(30)])
    found = await ask(sender, "start.Tally", {**opening, "unique_tag": name, "reply": "started"})
    await sender.publish("signal.Tally.steps", {**body, "value": 30})

    assert found["new"] is False
    assert sorted(await result(sender, found["id"])) == list(range(31))


async def test_commands_for_one_receiver_stay_in_order(sender: Client, name: str) -> None:
    names = [f"{name}-{number}" for number in range(3)]
    for one in names:
        await sender.publish(
            "start.Tally", {"id": one, "method": "run", "arguments": [100], "tags": [name, f"tag:{one}"]}
        )

    async def signal(one: str) -> None:
        target = {"tag": f"tag:{one}"} if one == names[0] else {"id": one}
        for number in range(100):
            await sender.publish("signal.Tally.steps", {**target, "value": number})

    await asyncio.gather(*map(signal, names))

    for one in names:
        await start(sender, one, 100)  # finds it started: the router has passed on all that came before
        assert await result(sender, one) == list(range(100))


async def test_garbage_becomes_dead_letters_and_the_good_ones_around_it_pass(
    mailroom: House, sender: Client, name: str
) -> None:
    garbage: list[tuple[str, str, bytes, dict[str, Any]]] = [
        ("not_json", "start.Tally", f"<{name}/>".encode(), {}),
        ("body", "start.Tally", f'["{name}"]'.encode(), {}),
        ("target", "signal.Tally.steps", f'{{"value": "{name}"}}'.encode(), {}),
        ("arguments", "signal.Tally.steps", f'{{"id": "{name}", "value": "x"}}'.encode(), {}),
        ("arguments", "call.Tally.subtract", f'{{"id": "{name}"}}'.encode(), {}),
        ("unknown_workflow", f"start.{name}", b"{}", {}),
        ("unknown_service", f"complete.{name}", b'{"id": "t"}', {}),
        ("routing_key", f"begin.{name}", b"{}", {}),
        ("content_type", "start.Tally", f"{name}: 1".encode(), {"content_type": "text/yaml"}),
    ]
    await start(sender, name, len(garbage))
    for number, (_, routing_key, body, headers) in enumerate(garbage):
        await sender.publish(routing_key, body, headers=headers)
        await sender.publish("signal.Tally.steps", {"id": name, "value": number})

    assert await result(sender, name) == list(range(len(garbage)))
    assert (await ask(sender, "begin.Nobody", {}))["kind"] == "routing_key"

    async def all_are_there() -> bool:
        return len(await letters(mailroom.url, said=name)) == len(garbage)

    await until(all_are_there, "the garbage is among the dead letters")
    found = await letters(mailroom.url, said=name)
    assert sorted(one.reason.partition(":")[0] for one in found) == sorted(kind for kind, *_ in garbage)
    assert {one.source for one in found} == {"commands"}


async def test_a_refused_command_can_be_replayed_once_a_node_knows_its_workflow(house: House, client: Client) -> None:
    await house.serving("mailroom:Broken")
    body = {"id": "a", "arguments": {"count": 0}, "method": "run"}
    refused = await client.request("start.Tally", body, timeout=SECONDS)
    assert refused["kind"] == "unknown_workflow"

    await house.serving("mailroom:Tally")
    async with DeadLetters(house.url) as found:

        async def there() -> bool:
            return [one async for one in found.list()] != []

        await until(there, "the refused command is among the dead letters")
        (again,) = [one async for one in found.replay()]

    async def begun() -> bool:
        return (await client.describe(client.get(Tally, id="a"))).found

    assert again.sent
    await until(begun, "the replayed start has begun")
    assert await result(client, "a") == []


async def test_a_router_killed_before_it_acknowledges_loses_and_doubles_nothing(house: House, client: Client) -> None:
    names = [f"t{number}" for number in range(100)]
    opening: dict[str, Any] = {"method": "run", "arguments": {"count": 19}}

    async def publish(one: str) -> None:
        await client.publish("start.Tally", {**opening, "id": one, "tags": [f"tag:{one}"]}, message_id=one)
        for number in range(19):
            value = {"tag": f"tag:{one}", "value": number}
            await client.publish("signal.Tally.steps", value, message_id=f"{one}.{number}")

    await asyncio.gather(*map(publish, names))
    for point in ("commands-taken", "commands-sent"):
        assert await house.node("mailroom", fault=point).ended() == -9
    await house.serving("mailroom")

    for one in names:
        assert await result(client, one) == list(range(19))


# -- RabbitMQ: another application, in another process


def messages(file: Path, *lines: tuple[str, object, dict[str, Any], dict[str, Any]]) -> str:
    texts = [
        [key, body if isinstance(body, str) else json.dumps(body), properties, headers]
        for key, body, properties, headers in lines
    ]
    file.write_text("\n".join(map(json.dumps, texts)))
    return str(file)


def parts(url: str) -> tuple[str, str]:
    """Return the broker's URL and the namespace."""
    broker, _, rest = url.partition("?")
    return broker.rstrip("/") + "/%2F", rest.rpartition("ns=")[2]


@pytest.mark.parametrize("house", ["rabbitmq"], indirect=True)
async def test_another_application_publishes_with_pika_and_gets_replies(
    house: House, client: Client, tmp_path: Path
) -> None:
    await house.serving("mailroom")
    broker, namespace = parts(house.url)
    asks: dict[str, Any] = {"reply_to": "shop.replies", "content_type": "application/json", "delivery_mode": 2}
    file = messages(
        tmp_path / "messages",
        (
            "start.Tally",
            {"method": "run", "arguments": {"count": 2}},
            {**asks, "message_id": "webhook-1", "correlation_id": "start"},
            {"id": "a", "tags": ["order:1", "customer:7"], "x-other": 1},
        ),
        ("signal.Tally.steps", {"value": 1}, {"message_id": "paid-1"}, {"tag": "order:1"}),
        ("signal.Tally.steps", {"value": 1}, {"message_id": "paid-1"}, {"tag": "order:1"}),
        ("signal.Tally.steps", "x" * (10 * 1024 * 1024), {**asks, "correlation_id": "large"}, {"tag": "order:1"}),
        ("signal.Tally.steps", "<paid/>", {**asks, "content_type": "text/xml", "correlation_id": "xml"}, {"id": "a"}),
        ("call.Tally.add", {"arguments": [10]}, {**asks, "correlation_id": "call"}, {"id": "a"}),
        ("signal.Tally.steps", {"value": 2}, {"message_id": "paid-2"}, {"tag": "customer:7"}),
    )

    shop = house.python("-m", "tests.endtoend.foreign", broker, f"{namespace}.commands", file, "shop.replies", "4")
    assert await shop.ended() == 0, shop.log

    replies = {key: (kind, body) for key, kind, body in map(json.loads, shop.log.splitlines()[:-1])}
    assert replies["start"] == ("application/json", {"status": "completed", "message_id": "webhook-1", "value": [1, 2]})
    assert replies["large"][1]["kind"] == "too_large"
    assert replies["xml"][1]["kind"] == "content_type"
    assert replies["call"][1]["status"] == "completed"


@pytest.mark.parametrize("house", ["rabbitmq"], indirect=True)
async def test_the_reply_to_a_start_survives_the_router_and_the_node(
    house: House, client: Client, tmp_path: Path
) -> None:
    first = await house.serving("mailroom")
    broker, namespace = parts(house.url)
    asks = {"reply_to": "shop.later", "correlation_id": "c1", "message_id": "m1"}
    file = messages(tmp_path / "start", ("start.Tally", {"id": "a", "method": "run", "arguments": [1]}, asks, {}))
    queue = f"{namespace}.commands"
    shop = house.python("-m", "tests.endtoend.foreign", broker, queue, file, "shop.later", "0")
    assert await shop.ended() == 0, shop.log
    assert await client.request("call.Tally.add", {"id": "a", "arguments": [1]}, timeout=SECONDS)

    assert await first.stop() == 0
    await client.publish("signal.Tally.steps", {"id": "a", "value": 5})
    await house.serving("mailroom")

    later = house.python("-m", "tests.endtoend.foreign", broker, queue, messages(tmp_path / "none"), "shop.later", "1")
    assert await later.ended() == 0, later.log
    assert json.loads(later.log.splitlines()[0]) == [
        "c1",
        "application/json",
        {"status": "completed", "message_id": "m1", "value": [5]},
    ]
