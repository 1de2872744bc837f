"""A node's document is AsyncAPI, and its schemas take what the node takes, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from examples.booking.services import Cars, Hotels, Payments
from examples.booking.workflow import BookingWorkflow
from leveret import service, workflow
from leveret.definition import ServiceDefinition, WorkflowDefinition
from leveret.url import Url
from leveret_actors.asyncapi import About, document
from leveret_actors.bridge.checking import versions_of
from leveret_actors.ingress import CommandRefused, Contracts, parse
from leveret_actors.ingress.letters import letters_for
from leveret_actors.settings import LIFECYCLE
from leveret_broker.codec import Codec
from leveret_broker.command import RawCommand
from leveret_broker.errors import ConfigurationError
from tests.asyncapi import shop
from tests.asyncapi.official import references, resolve, validator, wrong_in_document

GOLDEN = Path(__file__).parent / "booking.json"
CODE = [workflow.definition_of(cls) for cls in (shop.OldSale, shop.Sale, shop.Count)]
DESKS = [service.definition_of(cls) for cls in (shop.Clerks, shop.Vault)]
KNOWN = Contracts(versions_of(CODE), Codec())


def made(
    workflows: list[WorkflowDefinition], services: list[ServiceDefinition], url: str = "memory://x?ns=shop", **more: Any
) -> tuple[dict[str, Any], list[str]]:
    """Return a document as it is read, and its notes."""
    described = document(About(url=Url.parse(url), **more), workflows, services)
    return json.loads(msgspec.json.encode(described.document)), described.notes


SHOP, NOTES = made(CODE, DESKS)


def booking() -> dict[str, Any]:
    workflows = [workflow.definition_of(BookingWorkflow)]
    services = [service.definition_of(cls) for cls in (Hotels, Cars, Payments)]
    url = "amqp://user:secret@rabbit.example/shop?ns=booking&store=redis://redis"
    found, notes = made(workflows, services, url, published=LIFECYCLE)
    assert not notes
    return found


@pytest.mark.parametrize("found", [booking(), SHOP], ids=["booking", "shop"])
def test_it_is_an_asyncapi_document_without_loose_ends(found: dict[str, Any]) -> None:
    assert wrong_in_document(found) == []
    for one in references(found):
        assert resolve(found, one) is not None
    for schema in found["components"]["schemas"].values():
        validator(schema)


def test_changes_are_seen() -> None:
    """Write the file anew, when the change is meant: `python -m tests.asyncapi.test_document`."""
    assert json.loads(GOLDEN.read_text()) == booking()


def test_the_server_is_named_without_its_user() -> None:
    server = {"host": "rabbit.example:5672", "pathname": "/shop", "protocol": "amqp", "protocolVersion": "0.9.1"}

    assert booking()["servers"] == {"broker": server}
    assert "secret" not in GOLDEN.read_text()
    assert "servers" not in SHOP
    assert made(CODE, [], "amqps://rabbit")[0]["servers"]["broker"]["host"] == "rabbit:5671"


def test_each_routing_key_has_a_channel_on_its_exchange() -> None:
    channels = SHOP["channels"]

    assert set(channels) == {
        *(
            "start.Sale",
            "cancel.Sale",
            "signal.Sale.paid",
            "signal.Sale.notes",
            "start.till.Count",
            "cancel.till.Count",
        ),
        *(f"call.Sale.{name}" for name in ("run", "find", "tell", "stop", "total")),
        *("call.till.Count.run", "complete.Desk", "fail.Desk", "replies"),
        *("workflow.Sale", "workflow.till.Count", "service.Desk", "service.Vault"),
    }
    for name, one in channels.items():
        if name == "replies":
            continue
        of_events = name.partition(".")[0] in {"workflow", "service"}
        exchange = one["bindings"]["amqp"]["exchange"]
        assert one["address"] == (f"{name}.{{type}}" if of_events else name)
        assert (exchange["name"], exchange["type"]) == ("shop.events" if of_events else "shop.commands", "topic")
        assert SHOP["operations"][name]["action"] == ("send" if of_events else "receive")


def test_a_start_has_a_message_for_each_method_of_each_version() -> None:
    assert set(SHOP["channels"]["start.Sale"]["messages"]) == {
        *(f"start.Sale.{name}" for name in ("run", "find", "tell", "stop", "run.v1")),
    }


def test_events_are_said_to_be_published_as_the_settings_say() -> None:
    assert (
        "settings: dispatched, completed, continued, failed, "
        in booking()["channels"]["workflow.Booking"]["description"]
    )
    assert "settings: none;" in booking()["channels"]["service.Hotel"]["description"]


def test_what_has_no_schema_is_anything_and_told() -> None:
    assert NOTES == ["start.Sale.find: sku: tests.asyncapi.shop.Sku has no JSON Schema: it is taken as it comes"]


def test_nothing_to_describe_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="neither a workflow nor a service"):
        made([], [])


ORDER = {"cart": {"lines": [{"name": "pen"}]}, "pay": {"type": "Cash", "amount": "1.50"}, "at": "2026-01-31T12:00:00Z"}
CASES: list[tuple[str, dict[str, Any]]] = [
    ("start.Sale", {"method": "run", "arguments": {"order": ORDER}}),
    ("start.Sale", {"method": "run", "arguments": {"order": ORDER, "gift": True}, "version": 2, "tags": ["a"]}),
    ("start.Sale", {"method": "run", "arguments": [ORDER, True]}),
    ("start.Sale", {"method": "run", "arguments": [ORDER, True, 1]}),
    ("start.Sale", {"method": "run", "arguments": []}),
    ("start.Sale", {"method": "run"}),
    ("start.Sale", {"arguments": {"order": ORDER}}),
    ("start.Sale", {"method": "walk", "arguments": {}}),
    ("start.Sale", {"method": "run", "arguments": {"order": ORDER, "more": 1}}),
    ("start.Sale", {"method": "run", "arguments": {"order": {**ORDER, "pay": {"type": "Card", "number": "1"}}}}),
    ("start.Sale", {"method": "run", "arguments": {"order": {**ORDER, "pay": {"type": "Gold"}}}}),
    ("start.Sale", {"method": "run", "arguments": {"order": {**ORDER, "place": [1.5, 2]}}}),
    ("start.Sale", {"method": "run", "arguments": {"order": {**ORDER, "place": [1.5]}}}),
    ("start.Sale", {"method": "run", "arguments": {"order": {**ORDER, "discriminator": {"a": "b"}}}}),
    ("start.Sale", {"method": "run", "arguments": {"order": {**ORDER, "cart": {"items": []}}}}),
    (
        "start.Sale",
        {"method": "run", "arguments": {"order": {**ORDER, "cart": {"lines": [{"name": "", "count": 0}]}}}},
    ),
    (
        "start.Sale",
        {"method": "run", "arguments": {"order": {**ORDER, "cart": {"lines": [], "within": {"lines": [{}]}}}}},
    ),
    ("start.Sale", {"method": "run", "arguments": {"item": "a"}, "version": 1}),
    ("start.Sale", {"arguments": ["a"], "version": 1}),
    ("start.Sale", {"method": "run", "arguments": {"item": "a"}}),
    ("start.Sale", {"method": "run", "arguments": {"item": 1}, "version": 1}),
    ("start.Sale", {"method": "find", "arguments": ["code", 1, 2]}),
    ("start.Sale", {"method": "find", "arguments": ["code", 1, "b"]}),
    ("start.Sale", {"method": "find", "arguments": {"sku": "code", "more": [1], "options": {"a": "b"}}}),
    ("start.Sale", {"method": "find", "arguments": {"sku": "code", "options": {"a": 1}}}),
    ("start.Sale", {"method": "tell", "arguments": ["a"]}),
    ("start.Sale", {"method": "tell", "arguments": {"word": "a"}}),
    ("start.Sale", {"method": "stop"}),
    ("start.Sale", {"method": "stop", "arguments": []}),
    ("start.Sale", {"method": "stop", "arguments": [1]}),
    ("start.till.Count", {"arguments": {"values": [1, 2]}}),
    ("start.till.Count", {"method": "", "arguments": {"values": [1, 2]}}),
    ("start.till.Count", {"arguments": {"values": ["1"]}}),
    ("start.till.Count", {}),
    ("call.Sale.run", {"id": "s", "arguments": {"item": "a"}}),
    ("call.Sale.run", {"id": "s", "arguments": {"order": ORDER}}),
    ("call.Sale.run", {"id": "s", "arguments": {"order": 1}}),
    ("call.Sale.run", {"id": "s", "arguments": ["a"], "start": {"method": "stop"}}),
    ("call.Sale.run", {"id": "s", "arguments": ["a"], "start": {"method": "run"}}),
    ("call.Sale.run", {"tag": "s", "arguments": ["a"], "start": {"method": "stop"}}),
    ("call.Sale.stop", {"id": "s"}),
    ("call.Sale.total", {"id": "s", "arguments": {"until": None}}),
    ("call.Sale.total", {"tag": "s"}),
    ("call.Sale.total", {"id": "s", "arguments": {"until": "x"}}),
    ("signal.Sale.paid", {"tag": "s", "value": 1}),
    ("signal.Sale.paid", {"tag": "s", "value": {"type": "Cash", "amount": "1"}}),
    ("signal.Sale.paid", {"tag": "s", "value": "1"}),
    ("signal.Sale.paid", {"tag": "s"}),
    ("signal.Sale.notes", {"tag": "s"}),
    ("signal.Sale.notes", {"id": "s", "value": {"a": [1]}, "start": {"method": "stop", "version": 2}}),
    ("signal.Sale.notes", {"id": "s", "start": {"method": "stop", "version": 1}}),
    ("cancel.Sale", {"id": "s", "reason": "why"}),
    ("cancel.Sale", {"id": "s", "reasons": "why"}),
    ("complete.Desk", {"id": "t", "result": True}),
    ("fail.Desk", {"id": "t", "error": "no"}),
    ("fail.Desk", {"id": "t"}),
]


@pytest.mark.parametrize(("routing_key", "body"), CASES, ids=str)
def test_a_body_fits_its_channel_if_the_node_takes_it(routing_key: str, body: dict[str, Any]) -> None:
    messages = SHOP["channels"][routing_key]["messages"].values()
    fits = any(validator(message["payload"], SHOP).is_valid(body) for message in messages)
    headers = {"reply_to": "mine"} if routing_key == "call.Sale.total" else {}

    assert fits == takes(RawCommand(routing_key, msgspec.json.encode(body), headers))


def takes(command: RawCommand) -> bool:
    try:
        letters_for(parse(command, "m"), KNOWN, 0.0)
    except CommandRefused:
        return False
    return True


def test_the_result_of_a_delegated_task_is_what_its_contract_says() -> None:
    [message] = SHOP["channels"]["complete.Desk"]["messages"].values()
    found = validator(message["payload"], SHOP)

    assert found.is_valid({"id": "t", "result": True})
    assert not found.is_valid({"id": "t", "result": "yes"})
    assert not found.is_valid({"id": "t"})


def test_a_reply_has_the_result_of_its_method() -> None:
    answers = SHOP["operations"]["call.Sale.run"]["reply"]["messages"]
    [found] = [validator(resolve(SHOP, one["$ref"])["payload"], SHOP) for one in answers]

    assert found.is_valid({"status": "completed", "message_id": "m", "value": {"type": "Cash", "amount": "1"}})
    assert found.is_valid({"status": "refused", "message_id": "m", "kind": "target", "text": "nobody"})
    assert not found.is_valid({"status": "completed", "message_id": "m", "value": {"amount": "1"}})


if __name__ == "__main__":
    GOLDEN.write_bytes(msgspec.json.format(msgspec.json.encode(booking()), indent=1) + b"\n")
