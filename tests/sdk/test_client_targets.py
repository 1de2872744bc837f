import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from leveret import ArgumentMismatch, Client, ConfigurationError, RequestRefused, RequestTimedOut
from leveret_broker.address import TAGS, MailboxQueue
from leveret_broker.codec import Codec
from leveret_broker.envelope import (
    Cancel,
    Describe,
    Description,
    Envelope,
    HistoryPage,
    MembersPage,
    ReadHistory,
    Refused,
    Signal,
    TagFan,
    TagMembers,
)
from leveret_broker.errors import BrokerRefused, PublishFailed
from leveret_broker.ids import queue_index, tag_key
from leveret_broker.transport import QueueDepth
from tests.sdk.scripted import ScriptedTransport, always, request_of
from tests.sdk.shop import Booking, BookingContract, Cart, Decision

CODEC = Codec()


@pytest.fixture
def transport() -> ScriptedTransport:
    return ScriptedTransport()


@pytest.fixture
async def client(transport: ScriptedTransport) -> AsyncIterator[Client]:
    async with Client(transport=transport) as client:
        yield client


async def test_a_signal_goes_to_the_instances_mailbox(client: Client, transport: ScriptedTransport) -> None:
    await client.get(BookingContract, id="b1").decisions.send(Decision(yes=True), message_id="m1")

    [(address, envelope)] = transport.sent
    assert address == MailboxQueue("Booking", queue_index("b1", 8))
    assert (envelope.id, envelope.actor) == ("m1", "b1")
    assert envelope.message == Signal("decisions", CODEC.dump(Decision(yes=True)))


async def test_a_signal_by_tag_is_fanned_out_by_the_tag(client: Client, transport: ScriptedTransport) -> None:
    await client.all(Booking, tag="order:1").live.send("hello")

    [(address, envelope)] = transport.sent
    assert address == MailboxQueue(TAGS, queue_index(tag_key("Booking", "order:1"), 8))
    assert envelope.actor == "Booking/order:1"
    assert envelope.message == TagFan(Signal("onAir", CODEC.dump("hello"), patient=True))


async def test_a_signal_after_a_claim_waits_for_the_start_it_may_overtake(
    client: Client, transport: ScriptedTransport
) -> None:
    await client.dispatch(client.new(Booking, id="b1", unique_tag="u").book, Cart(1))
    await client.get(Booking, id="b1").live.send("hello")
    await client.get(Booking, id="b2").live.send("hello")

    assert [signal.patient for signal in transport.messages(Signal)] == [True, False]


async def test_a_value_of_another_type_is_refused_before_anything_is_sent(
    client: Client, transport: ScriptedTransport
) -> None:
    with pytest.raises(ArgumentMismatch, match=r"Booking\.decisions\.send\(\)"):
        await client.get(Booking, id="b1").decisions.send("yes")  # type: ignore[arg-type]
    assert transport.sent == []


async def test_by_name_signals_are_not_checked(client: Client, transport: ScriptedTransport) -> None:
    await client.get("Booking", id="b1").signal("decisions", {"yes": True})
    await client.all("Booking", tag="t").signal("decisions", {"yes": True})

    assert len(transport.messages(Signal)) == len(transport.messages(TagFan)) == 1


async def test_cancel_reaches_one_or_all(client: Client, transport: ScriptedTransport) -> None:
    await client.cancel(client.get(Booking, id="b1"), "no money")
    await client.cancel(client.all(Booking, tag="t"), "no money")
    handle = await client.dispatch(client.new(Booking).book, Cart(1))
    await handle.cancel()

    assert transport.messages(Cancel) == [Cancel(reason="no money"), Cancel()]
    assert transport.messages(TagFan) == [TagFan(Cancel(reason="no money"))]
    assert transport.sent[-1][1].run == handle.run


async def test_describe_gives_what_the_node_says(client: Client, transport: ScriptedTransport) -> None:
    said = Description(found=True, data={"status": "running"})
    transport.respond = always(said)

    assert await client.describe(client.get(Booking, id="b1")) == said
    assert len(transport.messages(Describe)) == 1


@pytest.mark.parametrize(
    ("depth", "reason"),
    [
        (QueueDepth(0, 3), "no node of this workflow within 0.2 s: consumers 0, messages 3"),
        (QueueDepth(1, 9), "no answer of a node within 0.2 s: consumers 1, messages 9"),
        (None, "no node of this workflow within 0.2 s: its queue does not exist"),
    ],
)
async def test_describe_says_what_it_waits_for_when_no_node_answers(
    client: Client, transport: ScriptedTransport, depth: QueueDepth | None, reason: str
) -> None:
    transport.depth = depth

    description = await client.describe(client.get(Booking, id="b1"), timeout=0.2)

    assert description == Description(found=False, data={"status": "unreachable", "reason": reason})


async def test_history_is_read_page_by_page(client: Client, transport: ScriptedTransport) -> None:
    records = [b"%d" % number for number in range(5)]

    def page(envelope: Envelope) -> Any:
        assert isinstance(envelope.message, ReadHistory)
        after = envelope.message.after
        return request_of(envelope), HistoryPage(tuple(records[after : after + 2]), more=after + 2 < len(records))

    transport.respond = page

    assert [record async for record in client.history(client.get(Booking, id="b1"))] == records
    assert [question.after for question in transport.messages(ReadHistory)] == [0, 2, 4]


async def test_pages_of_a_journal_that_was_folded_between_them_are_refused(
    client: Client, transport: ScriptedTransport
) -> None:
    pages = iter([HistoryPage((b"1", b"2"), more=True, folded=0), HistoryPage((b"9",), more=False, folded=5)])
    transport.respond = lambda envelope: (request_of(envelope), next(pages))

    with pytest.raises(RequestRefused, match="read it again from the start"):
        _ = [record async for record in client.history(client.get(Booking, id="b1"))]


async def test_members_are_read_page_by_page(client: Client, transport: ScriptedTransport) -> None:
    def page(envelope: Envelope) -> Any:
        assert isinstance(envelope.message, TagMembers)
        start = envelope.message.after
        return request_of(envelope), MembersPage(((start + 3, f"b{start}", "r"),), more=start < 6)

    transport.respond = page

    found = [member async for member in client.members(client.all(Booking, tag="t"))]
    assert [member.id for member in found] == ["b0", "b3", "b6"]


async def test_a_refusal_is_raised_with_its_text(client: Client, transport: ScriptedTransport) -> None:
    transport.respond = always(Refused("busy", "ask later"))

    with pytest.raises(RequestRefused, match="ask later"):
        await client.describe(client.get("Booking", id="b1"))
    with pytest.raises(RequestRefused, match="ask later"):
        await anext(client.members(client.all("Booking", tag="t")))


async def test_a_page_that_does_not_come_is_a_timeout(client: Client) -> None:
    with pytest.raises(RequestTimedOut):
        await anext(client.all("Booking", tag="t").members(timeout=0.01))


async def test_timeouts_hold_while_the_broker_confirms_nothing(client: Client, transport: ScriptedTransport) -> None:
    transport.confirming = False
    booking = client.get("Booking", id="b1")

    for question in (
        booking.result(timeout=0.01),
        booking.retry_tasks(timeout=0.01),
        anext(booking.history(timeout=0.01)),
        anext(client.all("Booking", tag="t").members(timeout=0.01)),
    ):
        with pytest.raises(RequestTimedOut):
            await asyncio.wait_for(question, 5)

    assert (await booking.describe(timeout=0.01)).data["status"] == "unreachable"


async def test_timeouts_hold_while_the_broker_does_not_say_which_mailbox_it_is(
    client: Client, transport: ScriptedTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def silent(*_: object) -> Any:
        await asyncio.Event().wait()

    monkeypatch.setattr(transport, "mailbox_count", silent)
    monkeypatch.setattr(transport, "inspect", silent)
    booking = client.get("Booking", id="b1")

    for question in (
        booking.result(timeout=0.01),
        booking.retry_tasks(timeout=0.01),
        client.all("Booking", tag="t").retry_tasks(timeout=0.01),
        client.tasks("Hotel", tag="t").cancel(timeout=0.01),
        anext(client.tasks("Hotel", tag="t").members(timeout=0.01)),
        anext(booking.history(timeout=0.01)),
        anext(client.all("Booking", tag="t").members(timeout=0.01)),
    ):
        with pytest.raises(RequestTimedOut):
            await asyncio.wait_for(question, 5)

    described = await asyncio.wait_for(booking.describe(timeout=0.01), 1)
    assert described.data == {"status": "unreachable", "reason": "no answer of the broker within 0.01 s"}


async def test_who_waits_for_an_answer_is_told_when_the_question_cannot_be_sent(
    client: Client, transport: ScriptedTransport
) -> None:
    transport.confirming = False
    waiting = asyncio.ensure_future(client.get("Booking", id="b1").result())
    await until(lambda: bool(transport.unconfirmed))

    transport.unconfirmed[0].set_exception(PublishFailed("the user may not write"))

    with pytest.raises(PublishFailed, match="may not write"):
        await asyncio.wait_for(waiting, 5)


async def test_who_waits_for_an_answer_is_told_when_the_broker_does_not_have_the_client_back(
    client: Client, transport: ScriptedTransport
) -> None:
    waiting = asyncio.ensure_future(client.get("Booking", id="b1").result())
    await until(lambda: bool(transport.sent))

    transport.listening_ends.put_nowait(BrokerRefused("the password was changed"))

    with pytest.raises(BrokerRefused, match="password"):
        await asyncio.wait_for(waiting, 5)
    with pytest.raises(BrokerRefused, match="password"):
        await asyncio.wait_for(client.get("Booking", id="b1").result(), 5)


async def until(true: Callable[[], bool]) -> None:
    while not true():
        await asyncio.sleep(0)


async def test_stubs_have_their_targets_verbs_as_well(client: Client, transport: ScriptedTransport) -> None:
    stub: Any = client.get(Booking, id="b1")
    await stub.cancel()

    assert transport.messages(Cancel) == [Cancel()]
    with pytest.raises(AttributeError, match="its channels decisions"):
        _ = stub.nothing


async def test_verbs_for_one_are_refused_for_many_and_back(client: Client) -> None:
    with pytest.raises(ConfigurationError, match="one instance only"):
        await client.describe(client.all(Booking, tag="t"))
    with pytest.raises(ConfigurationError, match="has no members"):
        client.members(client.get(Booking, id="b1"))
    with pytest.raises(ConfigurationError, match=r"Client\.get"):
        await client.cancel(Booking)
