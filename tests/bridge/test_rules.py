"""What a message becomes by a rule, or why it becomes nothing; and what a rule may not say."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from leveret.workflow import definition_of
from leveret_actors.bridge import Bridge, Crossing, Passed, Unfit
from leveret_actors.bridge.checking import check_against, check_all, versions_of
from leveret_actors.ingress import Command, Whom
from leveret_broker.command import RawCommand
from leveret_broker.errors import ConfigurationError
from tests.bridge.shop import Order

ORDER: dict[str, Any] = {
    "order_id": 7,
    "amount": 3.5,
    "lines": [{"sku": "a"}, {"sku": "b"}],
    "note": None,
    "who": {"id": "u1"},
}
EVENT: dict[str, Any] = {"specversion": "1.0", "id": "e1", "source": "/shop", "type": "order.paid", "data": ORDER}


def rule(**more: Any) -> Bridge:
    base: dict[str, Any] = {"name": "paid", "exchange": "shop", "signal": "Order.paid", "tag": "orderId:{$.order_id}"}
    base |= more
    return Bridge(**base)


def starting(**more: Any) -> Bridge:
    base: dict[str, Any] = {"name": "new", "exchange": "shop", "start": "Order"}
    base |= more
    return Bridge(**base)


def message(body: Any, key: str = "order.paid", **headers: Any) -> RawCommand:
    return RawCommand(key, body if isinstance(body, bytes) else json.dumps(body).encode(), headers)


def crossed(bridge: Bridge, raw: RawCommand) -> Command:
    found = Crossing(bridge).judge(raw)
    assert isinstance(found, Command)
    return found


def passed(bridge: Bridge, raw: RawCommand) -> str:
    found = Crossing(bridge).judge(raw)
    assert isinstance(found, Passed)
    return found.reason


def test_plain_json_becomes_a_signal_with_the_whole_of_it_as_value() -> None:
    command = crossed(rule(), message(ORDER, message_id="m1"))

    assert (command.verb, command.name, command.member) == ("signal", "Order", "paid")
    assert (command.whom, command.value, command.key) == (Whom(tag="orderId:7"), ORDER, "paid/m1")


def test_a_structured_and_a_binary_cloud_event_are_the_same_to_a_rule() -> None:
    bridge = rule(tag="orderId:{$.data.order_id}", payload={"amount": "$.data.amount", "type": "$.type"})
    attributes: dict[str, Any] = {f"cloudEvents:{name}": value for name, value in EVENT.items() if name != "data"}

    structured = crossed(bridge, message(EVENT, content_type="application/cloudevents+json; charset=utf-8"))
    binary = crossed(bridge, message(ORDER, "order.paid", content_type="application/json", **attributes))

    assert structured == binary
    assert structured.value == {"amount": 3.5, "type": "order.paid"}
    assert structured.key == "paid//shop e1"


def test_a_cloud_event_without_a_payload_rule_gives_its_data() -> None:
    assert crossed(rule(tag="x"), message(EVENT)).value == ORDER


def test_data_in_base64_is_read() -> None:
    event = {**EVENT, "data": None, "data_base64": base64.b64encode(b'{"a": 1}').decode()}

    assert crossed(rule(tag="x"), message(event)).value == {"a": 1}


def test_a_message_that_must_be_plain_json_is_not_taken_for_a_cloud_event() -> None:
    assert crossed(rule(tag="x", format="json"), message(EVENT)).value == EVENT


@pytest.mark.parametrize(
    ("bridge", "raw", "reason"),
    [
        pytest.param(rule(), message(b"{"), "the body is not JSON", id="json"),
        pytest.param(rule(), message({}), "tag: $.order_id selects nothing", id="nothing"),
        pytest.param(rule(), message({"order_id": {"a": 1}}), "selects an object", id="object"),
        pytest.param(rule(), message({"order_id": "x" * 300}), "is not usable", id="long"),
        pytest.param(rule(tag="$.lines[*].sku"), message(ORDER), "selects 2 values", id="several"),
        pytest.param(rule(tag="x", payload="$.none"), message(ORDER), "payload: $.none selects nothing", id="payload"),
        pytest.param(rule(format="cloudevents"), message(ORDER), "it has no specversion", id="no-event"),
        pytest.param(rule(format="cloudevents"), message([1]), "no JSON object", id="list"),
        pytest.param(rule(), message({**EVENT, "specversion": "0.3"}), "0.3 are not understood", id="version"),
        pytest.param(
            rule(), message([EVENT], content_type="application/cloudevents-batch+json"), "one event in each", id="batch"
        ),
        pytest.param(rule(where="$..sku"), message(b"[" * 200 + b"]" * 200), "recursion limit exceeded", id="deep"),
        pytest.param(rule(tag="$..sku"), message(b"[" * 200 + b"]" * 200), "recursion limit exceeded", id="deep-tag"),
        pytest.param(rule(), RawCommand("order.paid", b"{}", {}, 9_000_000), "has 9000000 bytes", id="large"),
    ],
)
def test_garbage_is_refused_with_what_is_wrong(bridge: Bridge, raw: RawCommand, reason: str) -> None:
    with pytest.raises(Unfit, match=reason.replace("$", r"\$").replace("[", r"\[")):
        Crossing(bridge).judge(raw)


def test_other_routing_keys_and_what_the_filter_leaves_out_are_passed_over() -> None:
    bridge = rule(keys=["order.*"], where=["$[?@.amount > 3]", "amqp[?@.headers.region == 'eu']"])

    assert crossed(bridge, message(ORDER, region="eu")).verb == "signal"
    assert "fits none of order.*" in passed(bridge, message(ORDER, "invoice.paid", region="eu"))
    assert "$[?@.amount > 3]" in passed(bridge, message({**ORDER, "amount": 1}, region="eu"))
    assert "amqp[?" in passed(bridge, message(ORDER, region="us"))


@pytest.mark.parametrize(
    ("key", "routing_key", "yes"),
    [
        ("#", "", True), ("a.#", "a", True), ("a.#", "a.b.c", True), ("a.#", "ab", False), ("*.b", "a.b", True),
        ("*.b", "b", False), ("#.c", "a.b.c", True), ("a.*.c", "a.b.b.c", False), ("a.#.c", "a.b.b.c", True),
    ],
)  # fmt: skip
def test_keys_are_read_as_a_topic_exchange_reads_them(key: str, routing_key: str, yes: bool) -> None:
    bridge = starting(keys=[key])

    assert isinstance(Crossing(bridge).judge(message({}, routing_key)), Command) is yes


def test_a_start_has_id_tags_meta_and_arguments_from_the_event() -> None:
    bridge = starting(
        id="order-{$.order_id}",
        tag="user:{$.who.id}",
        tags=["$.lines[*].sku", "via {amqp.exchange}"],
        meta={"key": "amqp.routing_key"},
        arguments={"order": "$", "skus": "$.lines[*].sku", "gone": "$.gone", "none": "$.note", "n": 3, "text": "{{a}}"},
    )

    opening = crossed(bridge, message(ORDER, exchange="shop")).opening

    assert opening is not None
    assert opening.plan.id == "order-7"
    assert set(opening.plan.tags) == {"user:u1", "a", "b", "via shop"}
    assert opening.plan.meta == {"key": "order.paid"}
    assert opening.arguments == {"order": ORDER, "skus": ["a", "b"], "none": None, "n": 3, "text": "{a}"}


def test_a_start_without_an_id_gets_the_same_one_for_the_same_message() -> None:
    first = crossed(starting(), message(ORDER, message_id="m1"))
    second = crossed(starting(), message(ORDER, message_id="m1"))
    other = crossed(starting(), message(ORDER, message_id="m2"))

    assert first == second
    assert first.opening is not None
    assert first.opening != other.opening
    assert first.opening.arguments == [ORDER]


def test_the_message_id_may_come_from_the_event_and_nothing_repeats_without_one() -> None:
    named = crossed(rule(message_id="{$.order_id}-{$.amount}"), message(ORDER))
    fresh = [crossed(rule(), message(ORDER)).key for _ in range(2)]

    assert named.key == "paid/7-3.5"
    assert fresh[0] != fresh[1]


def test_a_call_and_a_cancellation() -> None:
    call = crossed(
        Bridge(name="c", queue="q", call="Order.note", id="$.order_id", arguments={"text": "$.who.id"}), message(ORDER)
    )
    cancel = crossed(Bridge(name="c", queue="q", cancel="Order", tag="a"), message(ORDER))

    assert (call.verb, call.member, call.whom, call.value) == ("call", "note", Whom(id="7"), {"text": "u1"})
    assert (cancel.verb, cancel.whom, cancel.reason) == ("cancel", Whom(tag="a"), "bridge c")


def test_what_finds_nobody_may_be_started_or_held() -> None:
    starts = crossed(rule(tag="", unique_tag="order:{$.order_id}", on_no_match="start"), message(ORDER, message_id="m"))
    held = crossed(rule(on_no_match="hold", hold_seconds=60), message(ORDER))

    assert starts.opening is not None
    assert (starts.opening.plan.unique_tag, starts.opening.arguments) == ("order:7", [ORDER])
    assert (held.opening, held.hold) == (None, 60)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        pytest.param({"queue": "q"}, "one of them", id="two-sources"),
        pytest.param({"exchange": ""}, "one of them", id="no-source"),
        pytest.param({"keys": []}, "keys is empty", id="keys"),
        pytest.param({"exchange": "", "queue": "q", "keys": ["a"]}, "keys are for an exchange", id="keys-of-queue"),
        pytest.param({"start": "Order"}, 'needs on_no_match = "start"', id="start-and-signal"),
        pytest.param({"signal": ""}, "one of start, signal, call, cancel", id="nothing"),
        pytest.param({"signal": "Order"}, 'write "<Workflow>.<channel>"', id="no-channel"),
        pytest.param({"signal": "Or der.paid"}, "not usable as a name", id="name"),
        pytest.param({"tag": ""}, "one of id, tag, unique_tag", id="nobody"),
        pytest.param({"id": "a"}, "one of id, tag, unique_tag", id="two-targets"),
        pytest.param({"arguments": {}}, "a signal has a payload", id="arguments"),
        pytest.param({"meta": {"a": "b"}}, "meta is for a start", id="meta"),
        pytest.param({"on_no_match": "start"}, "needs id or unique_tag", id="start-by-tag"),
        pytest.param({"on_no_match": "maybe"}, "Invalid enum value 'maybe'", id="policy"),
        pytest.param({"hold_seconds": -1.0}, "hold_seconds", id="seconds"),
        pytest.param({"tag": "$.a["}, "is bad at column", id="path"),
        pytest.param({"tag": "a{b}"}, "braces hold a path", id="braces"),
        pytest.param({"tag": "a{$.b"}, "braces hold a path", id="open-brace"),
        pytest.param({"where": "@.a"}, "is bad at column 1", id="where"),
        pytest.param({"payload": {"a": ["$.b["]}}, "payload.a[0]", id="deep"),
        pytest.param({"name": "a b"}, "not usable as a name", id="bridge-name"),
    ],
)
def test_a_rule_that_cannot_work_says_what_to_write(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        Crossing(rule(**wrong))

    assert said in str(error.value)


def test_two_bridges_may_not_have_one_name() -> None:
    with pytest.raises(ConfigurationError, match="two bridges 'paid'"):
        check_all([rule(), rule()])


def test_a_rule_is_held_against_the_code_that_is_here() -> None:
    here = versions_of([definition_of(Order)])

    assert check_against(rule(), here) == ""
    assert "not here" in check_against(rule(signal="Other.paid"), here)
    with pytest.raises(ConfigurationError, match="Order has no channel 'payed'; it has paid"):
        check_against(rule(signal="Order.payed"), here)
    with pytest.raises(ConfigurationError, match="say which method starts Order: method = one of note, run"):
        check_against(starting(), here)
    with pytest.raises(ConfigurationError, match="its arguments must be named"):
        check_against(starting(start="Other"), here)
