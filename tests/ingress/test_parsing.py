"""Routing key, headers and JSON become a command, or a refusal that says what to change."""

from __future__ import annotations

import json
from typing import Any

import pytest

from leveret import workflow
from leveret.start_options import StartPlan
from leveret_actors.actor import ActorAddress
from leveret_actors.ingress import Command, CommandRefused, Contracts, Opening, Whom, parse
from leveret_actors.ingress.command import reply_address
from leveret_actors.ingress.letters import letters_for
from leveret_broker.address import TAGS, ServiceQueue
from leveret_broker.codec import Codec
from leveret_broker.command import RawCommand
from leveret_broker.envelope import Call, Cancel, Query, SettleTask, Signal, Start, TagClaim, TagFan, TagJoin
from leveret_broker.ids import run_of
from leveret_broker.outcome import Completed, Failed, Failure

CODEC = Codec()


@workflow.define(name="Order")
class Order:
    paid = workflow.Channel[int]()

    async def run(self, item: str, count: int = 1) -> str:
        return item * count

    @workflow.query
    def total(self) -> int:
        return 0


@workflow.define(name="Pair")
class Pair:
    async def left(self) -> None: ...

    async def right(self) -> None: ...


KNOWN = Contracts({cls: {1: workflow.definition_of(found)} for cls, found in (("Order", Order), ("Pair", Pair))}, CODEC)
STRANGER = Contracts({}, CODEC)


def read(routing_key: str, body: object = None, **headers: Any) -> Command:
    data = body if isinstance(body, bytes) else json.dumps({} if body is None else body).encode()
    return parse(RawCommand(routing_key, data, headers), "fresh", ours="leveret.")


def refusal(routing_key: str, body: object = None, *, contracts: Contracts = KNOWN, **headers: Any) -> CommandRefused:
    with pytest.raises(CommandRefused) as refused:
        letters_for(read(routing_key, body, **headers), contracts, 0.0)
    return refused.value


def messages(command: Command, contracts: Contracts = KNOWN) -> list[Any]:
    return [post.envelope.message for post in letters_for(command, contracts, 0.0).posts]  # type: ignore[union-attr]


def test_a_start_without_an_id_derives_it_from_its_message_id() -> None:
    command = read("start.Order", {"arguments": {"item": "a"}}, message_id="m1")

    assert command.opening == Opening(StartPlan("Order", run_of("Order", "", "m1")), "", {"item": "a"})
    assert read("start.Order", {}).key == "fresh"


def test_a_start_names_the_only_method_where_the_node_knows_it() -> None:
    command = read("start.Order", {"arguments": ["a", 2]}, message_id="m1")

    (start,) = messages(command)

    assert isinstance(start, Start)
    assert start.method == "run"
    assert CODEC.load(start.arguments) == {"item": "a", "count": 2}
    (unknown,) = messages(read("start.Order", {"arguments": {"item": "a"}}), STRANGER)
    assert unknown.method == ""


def test_a_start_joins_its_tags_before_it_goes_out() -> None:
    command = read("start.Order", {"id": "o1", "arguments": {"item": "a"}}, tags=["t1", "t2"], message_id="m1")

    letters = letters_for(command, KNOWN, 0.0)

    assert [join.to for join in letters.joins] == [ActorAddress(TAGS, "Order/t1"), ActorAddress(TAGS, "Order/t2")]
    (start,) = letters.posts
    run = run_of("Order", "o1", start.envelope.id)  # type: ignore[union-attr]
    assert {join.envelope.message for join in letters.joins} == {TagJoin("o1", run)}  # type: ignore[union-attr]


def test_a_start_with_a_unique_tag_travels_inside_its_claim() -> None:
    (claim,) = messages(read("start.Order", {"unique_tag": "u", "arguments": {"item": "a"}}, reply_to="q"))

    assert isinstance(claim, TagClaim)
    assert claim.caller is not None


def test_a_signal_finds_its_target_in_the_headers_or_the_body() -> None:
    assert read("signal.Order.paid", {"value": 1}, id="o1").whom == Whom(id="o1")
    assert read("signal.Order.paid", {"tag": "t"}).whom == Whom(tag="t")
    assert read("signal.my.Order.paid", {"unique_tag": "u"}).name == "my.Order"
    (by_id,) = messages(read("signal.Order.paid", {"value": 1}, id="o1"))
    assert isinstance(by_id, Signal)
    (by_tag,) = messages(read("signal.Order.paid", {"value": 1}, tag="t"))
    assert isinstance(by_tag, TagFan)


def test_a_signal_may_start_who_is_not_there_first() -> None:
    body = {"value": 1, "unique_tag": "u", "start": {"arguments": {"item": "a"}}}

    assert [type(one) for one in messages(read("signal.Order.paid", body))] == [TagClaim, TagFan]
    body = {"value": 1, "id": "o1", "start": {"arguments": {"item": "a"}}}
    assert [type(one) for one in messages(read("signal.Order.paid", body))] == [Start, Signal]


def test_a_call_carries_its_reply_address() -> None:
    command = read("call.Order.run", {"id": "o1", "arguments": {"item": "a"}}, reply_to="q", correlation_id="c")

    (call,) = messages(command)

    assert isinstance(call, Call)
    assert call.caller is not None
    assert reply_address(call.caller.request) == command.reply  # type: ignore[union-attr]
    assert isinstance(messages(read("call.Order.total", {"id": "o1"}, reply_to="q"))[0], Query)


def test_a_cancel_says_why() -> None:
    (cancel,) = messages(read("cancel.Order", {"id": "o1", "reason": "sold out", "force": True}))

    assert cancel == Cancel(reason="sold out", force=True)


def test_a_task_is_completed_or_failed_by_its_id_or_tag() -> None:
    done = read("complete.Approval", {"id": "t1", "result": 3})
    failed = read("fail.Approval", {"id": "t1", "error": {"message": "no", "type": "Declined"}, "retry": True})

    assert messages(done) == [SettleTask("t1", Completed(CODEC.dump(3)))]
    assert messages(failed) == [SettleTask("t1", Failed(Failure("Declined", "no")), retry=True)]
    assert letters_for(done, KNOWN, 0.0).posts[0].to == ServiceQueue("Approval")
    by_tag = letters_for(read("complete.Approval", {"tag": "x"}), KNOWN, 0.0).posts[0]
    assert by_tag.to == ActorAddress(TAGS, "@Approval/x")


def test_the_same_command_makes_the_same_envelopes() -> None:
    first = read("start.Order", {"arguments": {"item": "a"}, "tags": ["t"]}, message_id="m")

    assert letters_for(first, KNOWN, 0.0) == letters_for(first, KNOWN, 0.0)
    assert read("signal.Order.paid", {"id": "o"}, message_id="m").id != first.id


@pytest.mark.parametrize(
    ("kind", "routing_key", "body", "headers"),
    [
        ("routing_key", "begin.Order", {}, {}),
        ("routing_key", "signal.Order", {}, {}),
        ("routing_key", "start.", {}, {}),
        ("routing_key", "start.Or/der", {}, {}),
        ("not_json", "start.Order", b"\xff\xfe", {}),
        ("not_json", "start.Order", b"<order/>", {}),
        ("body", "start.Order", [1], {}),
        ("body", "start.Order", {"argments": {}}, {}),
        ("body", "start.Order", {"on_conflict": "new"}, {}),
        ("body", "start.Order", {"id": "x" * 201}, {}),
        ("body", "start.Order", {"tags": ["x" * 201]}, {}),
        ("body", "fail.Approval", {"id": "t"}, {}),
        ("body", "fail.Approval", {"id": "t", "error": "no", "sequence": 2**70}, {}),
        ("body", "complete.Approval", {"id": "t", "sequence": -(2**70)}, {}),
        ("body", "start.Order", {"arguments": {"item": "a"}, "version": 2**64 - 1}, {}),
        ("body", "signal.Order.paid", {}, {"id": 5}),
        ("target", "signal.Order.paid", {"value": 1}, {}),
        ("target", "signal.Order.paid", {"id": "a", "tag": "b"}, {}),
        ("target", "signal.Order.paid", {"id": "a"}, {"id": "b"}),
        ("target", "signal.Order.paid", {"tag": "a", "start": True}, {}),
        ("target", "signal.Order.paid", {"id": "a", "start": {"id": "b"}}, {}),
        ("target", "complete.Approval", {"unique_tag": "a"}, {}),
        ("target", "call.Order.total", {"tag": "a"}, {"reply_to": "q"}),
        ("content_type", "start.Order", {}, {"content_type": "text/xml"}),
        ("content_type", "start.Order", {}, {"content_encoding": "gzip"}),
        ("message_id", "start.Order", {}, {"message_id": "m" * 256}),
        ("reply_to", "start.Order", {}, {"reply_to": "leveret.mailbox.Order.0"}),
        ("reply_to", "start.Order", {}, {"reply_to": "ü" * 200}),
        ("reply_to", "call.Order.total", {"id": "a"}, {}),
        ("arguments", "start.Order", {"arguments": {}}, {}),
        ("arguments", "start.Order", {"arguments": {"item": 1}}, {}),
        ("arguments", "start.Order", {"arguments": {"item": "a", "more": 1}}, {}),
        ("arguments", "start.Order", {"arguments": ["a", 1, 2]}, {}),
        ("arguments", "start.Order", {"method": "walk", "arguments": {}}, {}),
        ("arguments", "start.Pair", {}, {}),
        ("arguments", "start.Order", {"arguments": {"item": "a" * 1024 * 1024}}, {}),
        ("arguments", "signal.Order.paid", {"id": "a", "value": "one"}, {}),
        ("arguments", "signal.Order.sent", {"id": "a"}, {}),
        ("arguments", "call.Order.walk", {"id": "a"}, {}),
    ],
    ids=str,
)
def test_what_is_no_command_is_refused_with_what_to_change(
    kind: str, routing_key: str, body: object, headers: dict[str, Any]
) -> None:
    refused = refusal(routing_key, body, **headers)

    assert refused.kind == kind
    assert refused.text


def test_a_body_that_is_nested_too_deep_is_refused() -> None:
    body = b'{"arguments":' + b"[" * 100_000

    assert refusal("start.Order", body).kind == "not_json"


def test_a_body_of_which_only_the_beginning_came_is_too_large() -> None:
    with pytest.raises(CommandRefused, match="too_large: the body has 10485760 bytes"):
        parse(RawCommand("start.Order", b"{", {}, 10 * 1024 * 1024), "fresh")


def test_arguments_of_a_stranger_go_by_name() -> None:
    assert refusal("start.Order", {"arguments": ["a"]}, contracts=STRANGER).kind == "arguments"
