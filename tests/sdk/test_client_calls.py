"""P01, P03: methods of running instances, called by a client."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from leveret import ArgumentMismatch, Client, ConfigurationError
from leveret_broker.address import MailboxQueue
from leveret_broker.codec import Codec
from leveret_broker.envelope import Answer, AwaitResult, Call, Cancel, Envelope, TagFan
from leveret_broker.ids import method_id, queue_index
from leveret_broker.outcome import Completed
from tests.sdk.scripted import ScriptedTransport, always
from tests.sdk.shop import Booking, Cart

CODEC = Codec()
CART = Cart(2)


@pytest.fixture
def transport() -> ScriptedTransport:
    return ScriptedTransport()


@pytest.fixture
async def client(transport: ScriptedTransport) -> AsyncIterator[Client]:
    async with Client(transport=transport) as client:
        yield client


async def test_P01_a_call_goes_to_the_instances_mailbox_and_its_answer_is_the_result(
    client: Client, transport: ScriptedTransport
) -> None:
    transport.respond = always(Answer(Completed(CODEC.dump("r"))))

    assert await client.get(Booking, id="b1").book(CART) == "r"

    [(address, envelope)] = transport.sent
    assert address == MailboxQueue("Booking", queue_index("b1", 8))
    assert isinstance(envelope.message, Call)
    assert (envelope.actor, envelope.message.method) == ("b1", "book")
    assert envelope.message.caller is not None


async def test_a_dispatched_call_gives_the_handle_of_its_method(client: Client, transport: ScriptedTransport) -> None:
    handle = await client.dispatch(client.get(Booking, id="b1").book, CART)
    transport.respond = always(Answer(Completed(CODEC.dump("r"))))

    result = await handle.result()
    await handle.cancel()

    [(_, called), (_, awaited), (_, cancelled)] = transport.sent
    assert isinstance(awaited.message, AwaitResult)
    assert (handle.method, awaited.message.method) == (method_id(called.id), method_id(called.id))
    assert cancelled.message == Cancel(method_id(called.id))
    assert result == "r"


async def test_W16_methods_are_called_by_name_and_the_message_id_names_the_method(
    client: Client, transport: ScriptedTransport
) -> None:
    transport.respond = always(Answer(Completed(CODEC.dump({"a": 1}))))

    result = await client.get("Booking", id="b1").call("book", {"cart": 1}, message_id="m1")
    handle = await client.get("Booking", id="b1").dispatch("book", {"cart": 1}, message_id="m1")

    assert result == {"a": 1}
    assert [envelope.id for _, envelope in transport.sent] == ["m1", "m1"]
    assert handle.method == method_id("m1")


async def test_P03_by_tag_a_call_is_fanned_out_and_has_no_result(client: Client, transport: ScriptedTransport) -> None:
    sent: Any = await client.dispatch(client.all(Booking, tag="t").book, CART)
    await client.all("Booking", tag="t").dispatch("book", {"cart": 1})

    typed, named = transport.messages(TagFan)
    assert typed == TagFan(Call("book", CODEC.dump({"cart": CART}), patient=True))
    assert named == TagFan(Call("book", CODEC.dump({"cart": 1}), patient=True))
    with pytest.raises(AttributeError, match="no single result"):
        await sent.result()


async def test_P03_a_synchronous_call_by_tag_is_refused_before_anything_is_sent(
    client: Client, transport: ScriptedTransport
) -> None:
    with pytest.raises(ConfigurationError, match=r"no single result to wait for: use client\.dispatch"):
        await client.all(Booking, tag="t").book(CART)

    assert transport.sent == []


async def test_W06_arguments_that_do_not_fit_are_refused_before_anything_is_sent(
    client: Client, transport: ScriptedTransport
) -> None:
    stub: Any = client.get(Booking, id="b1")

    with pytest.raises(ArgumentMismatch, match="cart"):
        await stub.book("a text")

    assert transport.sent == []


async def test_a_call_after_a_claim_waits_for_the_start_it_may_overtake(
    client: Client, transport: ScriptedTransport
) -> None:
    claiming = client.new(Booking, id="b1", unique_tag="u")
    await client.dispatch(claiming.book, CART)

    await client.dispatch(client.get(Booking, id="b1").book, CART)

    envelope: Envelope = transport.sent[-1][1]
    assert isinstance(envelope.message, Call)
    assert envelope.message.patient


async def test_W18_C13_a_key_given_to_a_stub_is_the_id_of_the_message_that_is_sent_through_it(
    client: Client, transport: ScriptedTransport
) -> None:
    for _ in range(2):
        await client.dispatch(client.get(Booking, id="b1", message_id="k1").book, CART)
        await client.get(Booking, id="b1", message_id="k2").notes.send("hello")
        await client.dispatch(client.all(Booking, tag="t", message_id="k3").take_back)
        await client.all(Booking, tag="t", message_id="k4").notes.send(4)
    await client.get(Booking, id="b1", message_id="k5").notes.send("hello", message_id="own")

    assert [envelope.id for _, envelope in transport.sent] == ["k1", "k2", "k3", "k4", "k1", "k2", "k3", "k4", "own"]


async def test_a_second_message_through_a_stub_with_a_key_is_refused_unless_it_is_the_same(
    client: Client, transport: ScriptedTransport
) -> None:
    once = client.get(Booking, id="b1", message_id="k1")
    await client.dispatch(once.book, CART)
    await client.dispatch(once.book, CART)

    with pytest.raises(ArgumentMismatch, match=r"'k1' was used for another message .Booking.book."):
        await once.notes.send("hello")
    with pytest.raises(ArgumentMismatch, match="make a stub for each message"):
        await client.dispatch(once.book, Cart(3))

    assert [envelope.id for _, envelope in transport.sent] == ["k1", "k1"]


def test_by_name_the_key_is_given_to_the_message_itself(client: Client) -> None:
    with pytest.raises(ConfigurationError, match=r"give message_id to call\(\), dispatch\(\) or signal\(\) itself"):
        client.get("Booking", id="b1", message_id="k")  # type: ignore[call-overload]
