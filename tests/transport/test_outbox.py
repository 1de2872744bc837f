"""What goes out next, decided without a broker."""

import asyncio

from leveret_broker.address import CONTROL, EventTopic, MailboxQueue, ServiceQueue
from leveret_broker.rabbitmq.outbox import WINDOW, Outbox, Sending

QUEUE = MailboxQueue("Booking", 0)
OTHER = MailboxQueue("Booking", 1)
SERVICE = ServiceQueue("Hotel")


def filled(*publishes: tuple[MailboxQueue | ServiceQueue | EventTopic, bytes]) -> Outbox:
    outbox = Outbox()
    for address, body in publishes:
        outbox.add(address, body, asyncio.Future(), 0.0, None)
    return outbox


def send(outbox: Outbox, number: int) -> Sending:
    sending = outbox.next()
    assert sending is not None
    outbox.sent(number, sending)
    return sending


async def test_a_mailbox_queue_has_one_parcel_under_way_while_the_next_fills() -> None:
    outbox = filled((QUEUE, b"1"), (QUEUE, b"2"))
    first = send(outbox, 1)

    outbox.add(QUEUE, b"3", asyncio.Future(), 0.0, None)
    outbox.add(QUEUE, b"4", asyncio.Future(), 0.0, None)

    assert first.bodies == [b"1", b"2"]
    assert outbox.next() is None
    assert outbox.answered(1) is first
    outbox.done(first)
    assert send(outbox, 2).bodies == [b"3", b"4"]


async def test_mailbox_queues_do_not_wait_for_each_other() -> None:
    outbox = filled((QUEUE, b"1"), (OTHER, b"2"))

    assert {send(outbox, 1).address, send(outbox, 2).address} == {QUEUE, OTHER}


async def test_a_refused_parcel_goes_out_again_before_later_ones() -> None:
    outbox = filled((QUEUE, b"1"))
    first = send(outbox, 1)
    outbox.add(QUEUE, b"2", asyncio.Future(), 0.0, None)

    outbox.answered(1)
    outbox.rest(first)
    assert outbox.next() is None
    outbox.put_back(first)

    assert send(outbox, 2) is first
    assert outbox.next() is None


async def test_a_parcel_that_went_out_once_takes_no_more_bodies() -> None:
    outbox = filled((QUEUE, b"1"))
    first = send(outbox, 1)
    outbox.take_back()

    outbox.add(QUEUE, b"2", asyncio.Future(), 0.0, None)

    assert send(outbox, 2) is first
    assert first.bodies == [b"1"]


async def test_a_lost_channel_gives_everything_back_in_order() -> None:
    outbox = filled(*[(SERVICE, str(number).encode()) for number in range(5)], (QUEUE, b"m"))
    sent = [send(outbox, number) for number in range(6)]

    fleeting = outbox.take_back()

    assert fleeting == []
    assert [send(outbox, 10 + number) for number in range(6)] == sent
    assert outbox.answered(0) is None


async def test_what_is_fleeting_is_not_sent_again() -> None:
    outbox = Outbox()
    outbox.add(CONTROL, b"c", asyncio.Future(), 0.0, None)
    sending = send(outbox, 1)

    assert outbox.take_back() == [sending]
    assert outbox.next() is None


async def test_the_window_limits_what_has_no_order() -> None:
    outbox = filled(*[(SERVICE, b"t")] * (WINDOW + 1))
    sent = [send(outbox, number) for number in range(WINDOW)]

    assert outbox.next() is None
    outbox.answered(0)
    outbox.done(sent[0])
    assert outbox.next() is not None


async def test_count_and_abandon_cover_every_body() -> None:
    outbox = filled(*[(SERVICE, b"t")] * 3, (QUEUE, b"1"))
    resting, _under_way = send(outbox, 1), send(outbox, 2)
    outbox.answered(1)
    outbox.rest(resting)
    outbox.add(QUEUE, b"2", asyncio.Future(), 0.0, None)

    assert outbox.count == 5
    assert len(outbox.abandon()) == 5
    assert outbox.count == 0


async def test_a_lane_of_events_has_one_under_way_and_waits_while_it_rests() -> None:
    first, second = EventTopic("a.b", "one"), EventTopic("a.c", "one")
    outbox = filled((first, b"1"), (second, b"2"), (EventTopic("a.b", "two"), b"3"))
    refused, other = send(outbox, 1), send(outbox, 2)

    assert (refused.bodies, other.bodies, outbox.next()) == ([b"1"], [b"3"], None)
    outbox.answered(1)
    outbox.rest(refused)
    assert outbox.next() is None
    outbox.put_back(refused)
    assert send(outbox, 3).bodies == [b"1"]
    outbox.answered(3)
    outbox.done(refused)
    assert send(outbox, 4).bodies == [b"2"]


async def test_a_lost_channel_gives_events_back_in_their_lanes() -> None:
    outbox = filled(*[(EventTopic("a", "lane"), str(number).encode()) for number in range(3)])
    sent = send(outbox, 1)

    assert outbox.take_back() == []
    for number, body in enumerate((b"0", b"1", b"2")):
        again = send(outbox, 10 + number)
        assert again.bodies == [body]
        outbox.answered(10 + number)
        outbox.done(again)
    assert sent.bodies == [b"0"]
    assert outbox.count == 0
