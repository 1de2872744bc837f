import asyncio
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest

from leveret import (
    ArgumentMismatch,
    Client,
    ConfigurationError,
    RequestTimedOut,
    WorkflowAlreadyStarted,
    WorkflowFailed,
    WorkflowUnknown,
)
from leveret_broker.address import TAGS, MailboxQueue
from leveret_broker.codec import Codec
from leveret_broker.envelope import (
    Answer,
    AwaitResult,
    ClientCaller,
    Envelope,
    Message,
    Start,
    Started,
    TagClaim,
    TagJoin,
    decode,
)
from leveret_broker.errors import TransportClosed
from leveret_broker.ids import queue_index, run_of, tag_key
from leveret_broker.outcome import Completed, Failed, Failure, Unknown
from tests.sdk.fakes import settle
from tests.sdk.scripted import ScriptedTransport, always
from tests.sdk.shop import Booking, BookingContract, Cart

CODEC = Codec()


def answered(caller: object, message: Message) -> tuple[str, Message]:
    assert isinstance(caller, ClientCaller)
    return caller.request, message


def completed(value: object) -> Answer:
    return Answer(Completed(CODEC.dump(value)))


@pytest.fixture
def transport() -> ScriptedTransport:
    return ScriptedTransport()


@pytest.fixture
async def client(transport: ScriptedTransport) -> AsyncIterator[Client]:
    async with Client(transport=transport) as client:
        yield client


async def test_a_call_starts_and_waits_for_the_typed_result(client: Client, transport: ScriptedTransport) -> None:
    transport.respond = always(completed("r-1"))

    assert await client.new(BookingContract, id="b1", meta={"k": "v"}, version=2, timeout=9).book(Cart(2)) == "r-1"

    [(address, envelope)] = transport.sent
    start = envelope.message
    assert address == MailboxQueue("Booking", queue_index("b1", 8))
    assert isinstance(start, Start)
    assert (envelope.actor, start.method, CODEC.load(start.arguments)) == ("b1", "book", {"cart": {"rooms": 2}})
    assert (start.meta, start.version, start.timeout, start.acknowledge) == ({"k": "v"}, 2, 9.0, None)


async def test_outcomes_other_than_values_are_raised(client: Client, transport: ScriptedTransport) -> None:
    transport.respond = always(Answer(Failed(Failure("CardRefused", "no"))))

    with pytest.raises(WorkflowFailed, match="CardRefused: no"):
        await client.new(Booking).book(Cart(2))


async def test_arguments_are_checked_before_anything_is_sent(client: Client, transport: ScriptedTransport) -> None:
    booking = client.new(Booking)

    with pytest.raises(ArgumentMismatch, match=r"Booking\.book\(\): argument 'cart'"):
        _ = booking.book("two")  # type: ignore[arg-type]
    with pytest.raises(ArgumentMismatch, match="cart"):
        await client.dispatch(booking.book, 2)  # type: ignore[arg-type]
    assert transport.sent == []


async def test_dispatch_returns_when_the_broker_holds_the_start(client: Client, transport: ScriptedTransport) -> None:
    transport.confirming = False
    starting = asyncio.ensure_future(client.dispatch(client.new(Booking).book, Cart(1)))
    await settle()
    assert not starting.done()

    transport.unconfirmed[0].set_result(None)
    handle = await starting

    start = transport.sent[0][1]
    assert [message.caller for message in transport.messages(Start)] == [None]
    assert (handle.id, handle.run) == (start.actor, run_of("Booking", start.actor, start.id))


async def test_each_start_without_an_id_is_another_instance(client: Client, transport: ScriptedTransport) -> None:
    booking = client.new(Booking)

    one, two = [await client.dispatch(booking.book, Cart(1)) for _ in range(2)]

    assert one.id != two.id


async def test_a_message_id_makes_the_same_start(client: Client, transport: ScriptedTransport) -> None:
    booking = client.new(Booking, message_id="webhook-7")

    one, two = [await client.dispatch(booking.book, Cart(1)) for _ in range(2)]

    assert (one.id, one.run) == (two.id, two.run)
    assert {envelope.id for _, envelope in transport.sent} == {"webhook-7"}


async def test_joins_are_confirmed_before_the_start_goes_out(client: Client, transport: ScriptedTransport) -> None:
    transport.confirming = False
    starting = asyncio.ensure_future(client.dispatch(client.new(Booking, id="b1", tags={"x", "a"}).book, Cart(1)))
    await settle()

    assert [address for address, _ in transport.sent] == [
        MailboxQueue(TAGS, queue_index(tag_key("Booking", tag), 8)) for tag in ("a", "x")
    ]
    transport.unconfirmed[0].set_result(None)
    await settle()
    assert len(transport.sent) == 2
    transport.unconfirmed[1].set_result(None)
    await settle()

    start = transport.sent[2][1]
    assert isinstance(start.message, Start)
    assert start.message.tags == ("a", "x")
    assert transport.messages(TagJoin) == [TagJoin("b1", run_of("Booking", "b1", start.id))] * 2
    transport.unconfirmed[2].set_result(None)
    await starting


async def test_fail_waits_until_a_node_has_accepted_the_start(client: Client, transport: ScriptedTransport) -> None:
    booking = client.new(Booking, id="b1", on_conflict="fail")
    transport.respond = always(Started("b1", "r1", new=True), "acknowledge")
    assert (await client.dispatch(booking.book, Cart(1))).run == "r1"

    transport.respond = always(Started("b1", "r1", new=False, conflict=True), "acknowledge")
    for call in (client.dispatch(booking.book, Cart(1)), booking.book(Cart(1))):
        with pytest.raises(WorkflowAlreadyStarted, match=r"Booking 'b1'.*r1"):
            await call


async def test_with_a_unique_tag_the_start_travels_inside_the_claim(
    client: Client, transport: ScriptedTransport
) -> None:
    handle = await client.dispatch(client.new(Booking, id="b1", unique_tag="order:1").book, Cart(1))

    [(address, envelope)] = transport.sent
    claim = envelope.message
    assert isinstance(claim, TagClaim)
    start = decode(claim.start)
    assert address == MailboxQueue(TAGS, queue_index(tag_key("Booking", "order:1"), 8))
    assert (envelope.actor, start.actor, claim.instance) == ("Booking/order:1", "b1", "b1")
    assert claim.run == run_of("Booking", "b1", start.id)
    assert isinstance(start.message, Start)
    assert start.message.acknowledge == claim.caller
    assert handle.id == "b1"


async def test_a_taken_unique_tag_gives_the_holders_result(client: Client, transport: ScriptedTransport) -> None:
    def holder(envelope: Envelope) -> Any:
        match envelope.message:
            case TagClaim(caller=caller):
                return answered(caller, Started("holder", "r9", new=False))
            case AwaitResult(caller=caller):
                assert (envelope.actor, envelope.run) == ("holder", "r9")
                return answered(caller, completed("theirs"))
            case _:
                return None

    transport.respond = holder
    booking = client.new(Booking, unique_tag="order:1")
    handle = await client.dispatch(booking.book, Cart(1))

    assert await handle.result() == "theirs"
    assert handle.id == "holder"
    assert await booking.book(Cart(1)) == "theirs"


async def test_a_free_unique_tag_gives_the_own_result(client: Client, transport: ScriptedTransport) -> None:
    def node(envelope: Envelope) -> None:
        assert isinstance(envelope.message, TagClaim)
        start = decode(envelope.message.start)
        assert isinstance(start.message, Start)
        transport.answer(*answered(start.message.acknowledge, Started(start.actor, "r1", new=True)))
        asyncio.get_running_loop().call_soon(transport.answer, *answered(start.message.caller, completed("mine")))

    transport.respond = node

    assert await client.new(Booking, unique_tag="order:1").book(Cart(1)) == "mine"


async def test_results_are_asked_for_later_from_anywhere(client: Client, transport: ScriptedTransport) -> None:
    transport.respond = always(completed("r-1"))

    assert await client.get("Booking", id="b1").result() == "r-1"
    assert await client.result(client.get(BookingContract, id="b1")) == "r-1"
    assert transport.messages(AwaitResult)[0].method == ""


async def test_an_unknown_instance_is_said_at_once(client: Client, transport: ScriptedTransport) -> None:
    transport.respond = always(Answer(Unknown({"workflow": "Booking", "instance": "x"})))

    with pytest.raises(WorkflowUnknown, match=r"Booking 'x'"):
        await client.get("Booking", id="x").result()


async def test_a_result_that_does_not_come_in_time_is_a_timeout(client: Client, transport: ScriptedTransport) -> None:
    handle = client.get("Booking", id="b1")

    with pytest.raises(RequestTimedOut, match=r"result of Booking 'b1': no answer within 0.01 s"):
        await handle.result(timeout=0.01)
    with pytest.raises(TimeoutError):
        await handle.result(timeout=0.01)


async def test_pending_requests_are_asked_again_after_a_lost_connection(
    client: Client, transport: ScriptedTransport
) -> None:
    call = asyncio.ensure_future(client.new(Booking, id="b1").book(Cart(1)))
    await settle()

    transport.respond = always(completed("late"))
    transport.on_restored()

    assert await call == "late"
    [first, second] = transport.sent
    assert first == second
    transport.on_restored()
    assert len(transport.sent) == 2


async def test_an_answer_nobody_waits_for_or_can_read_is_dropped(client: Client, transport: ScriptedTransport) -> None:
    assert transport.on_body is not None
    transport.answer("nobody", completed(1))
    transport.on_body(b"garbage")

    transport.respond = always(completed("r"))
    assert await client.new(Booking).book(Cart(1)) == "r"


async def test_closing_ends_every_wait(transport: ScriptedTransport) -> None:
    async with Client(transport=transport) as client:
        call = asyncio.ensure_future(client.new(Booking).book(Cart(1)))
        await settle()

    with pytest.raises(TransportClosed, match="the client was closed"):
        await call
    with pytest.raises(TransportClosed, match="async with Client"):
        await client.new(Booking).book(Cart(1))
    assert transport.opened == 0


async def test_cancelling_who_waits_forgets_the_request_and_leaves_the_publish_alone(
    client: Client, transport: ScriptedTransport
) -> None:
    transport.confirming = False
    call = asyncio.ensure_future(client.new(Booking).book(Cart(1)))
    await settle()

    call.cancel()
    await asyncio.wait([call])
    transport.on_restored()

    assert len(transport.sent) == 1
    assert not transport.unconfirmed[0].cancelled()


async def test_by_name_arguments_and_results_are_plain(client: Client, transport: ScriptedTransport) -> None:
    transport.respond = always(completed({"a": 1}))

    assert await client.new("Booking", id="b1").call("book", {"cart": {"rooms": 1}}) == {"a": 1}
    assert CODEC.load(transport.messages(Start)[0].arguments) == {"cart": {"rooms": 1}}


@pytest.mark.parametrize(
    "options",
    [
        {"id": ""},
        {"id": "a\nb"},
        {"on_conflict": "new"},
        {"on_closed": "other"},
        {"timeout": 0},
        {"tag": "x"},
    ],
)
async def test_wrong_options_are_refused(client: Client, options: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        client.new(Booking, **options)


async def test_what_the_workflow_lacks_is_no_attribute(client: Client) -> None:
    async def other() -> None: ...

    with pytest.raises(AttributeError, match=r"has no 'boook'.*methods are book, undo"):
        _ = client.new(Booking).boook  # type: ignore[attr-defined]
    with pytest.raises(ConfigurationError, match=r"Client\.new"):
        await client.dispatch(other)


async def test_queues_are_counted_once_per_kind(client: Client, transport: ScriptedTransport) -> None:
    for _ in range(3):
        await client.dispatch(client.new(Booking, tags={"a"}).book, Cart(1))

    assert transport.counts_asked == [TAGS, "Booking"]


async def test_meta_over_its_limit_is_refused_before_anything_is_sent(client: Client) -> None:
    with pytest.raises(ArgumentMismatch, match="meta has 70004 bytes, the limit is 65536"):
        client.new(BookingContract, meta={"note": "x" * 70_000})


@pytest.mark.parametrize(
    ("tags", "words"),
    [
        ({7}, "Booking: a tag must be a text, not 7 of type int"),
        (["a", None], "Booking: a tag must be a text, not None of type NoneType"),
        ("abc", "Booking: tags must be a set of texts, not 'abc'"),
        (5, "Booking: tags must be a set of texts, not 5"),
        ({""}, "Booking: the tag '' is not usable"),
        ({"x" * 201}, "is not usable: 1 to 200 printable characters"),
        ({str(number) for number in range(101)}, "Booking: 101 tags are too many, the limit is 100"),
    ],
)
async def test_tags_that_cannot_be_used_are_refused_before_anything_is_sent(
    client: Client, tags: Any, words: str
) -> None:
    with pytest.raises(ArgumentMismatch, match=re.escape(words)):
        client.new(BookingContract, tags=tags)


async def test_a_unique_tag_that_cannot_be_used_is_refused(client: Client) -> None:
    with pytest.raises(ArgumentMismatch, match="is not usable: 1 to 200 printable characters"):
        client.new(BookingContract, unique_tag="x" * 201)
    with pytest.raises(ArgumentMismatch, match="a tag must be a text, not 7 of type int"):
        client.new(BookingContract, unique_tag=7)  # type: ignore[call-overload]
