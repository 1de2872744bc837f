"""C: channels, through the whole stack."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import pytest

from leveret import ArgumentMismatch, Client
from leveret_broker.address import MailboxQueue
from leveret_broker.ids import queue_index
from tests.endtoend.audit import assert_sound, opened
from tests.endtoend.house import House, until
from tests.endtoend.language import Listening

pytestmark = pytest.mark.usefixtures("inhabited")


async def test_C01_C03_a_signal_by_id_resumes_its_channel_only(client: Client) -> None:
    handle = await client.dispatch(client.new(Listening).one)
    listening = client.get(Listening, id=handle.id)

    await listening.words.send("no")
    assert (await handle.describe()).data["status"] == "running"
    await listening.inbox.send(5)

    assert await handle.result(20) == 5
    await assert_sound(Listening, handle)


async def test_C02_a_signal_by_tag_reaches_all_that_have_it_and_no_other(client: Client) -> None:
    tag, other = uuid4().hex, uuid4().hex
    tagged = [await client.dispatch(client.new(Listening, tags={tag}).one) for _ in range(3)]
    apart = await client.dispatch(client.new(Listening, tags={other}).one)

    await client.all(Listening, tag=tag).inbox.send(5)

    assert [await handle.result(20) for handle in tagged] == [5, 5, 5]
    assert (await apart.describe()).data["status"] == "running"
    await assert_sound(Listening, *tagged)


async def test_C04_an_unbuffered_channel_forgets_what_comes_while_nobody_receives(client: Client) -> None:
    handle = await client.dispatch(client.new(Listening).unbuffered)
    listening = client.get(Listening, id=handle.id)
    await listening.deaf.send("lost")
    await listening.inbox.send(1)
    await handle.describe()

    await listening.deaf.send("heard")

    assert await handle.result(20) == "heard"
    await assert_sound(Listening, handle)


async def test_C07_a_receiver_takes_by_type_and_predicate_and_leaves_the_rest(client: Client) -> None:
    handle = await client.dispatch(client.new(Listening).selected)
    for value in (1, 2, "word"):
        await client.get(Listening, id=handle.id).both.send(value)

    assert await handle.result(20) == ["word", 2, 1]
    await assert_sound(Listening, handle)


async def test_C08_iterating_gives_every_signal_in_order(client: Client) -> None:
    handle = await client.dispatch(client.new(Listening).until_zero)
    for number in [*range(1, 101), 0]:
        await client.get(Listening, id=handle.id).inbox.send(number)

    assert await handle.result(20) == list(range(1, 101))
    await assert_sound(Listening, handle)


async def test_C09_a_number_takes_that_many_and_awaiting_again_gives_the_next(client: Client) -> None:
    handle = await client.dispatch(client.new(Listening).three)
    for number in range(4):
        await client.get(Listening, id=handle.id).inbox.send(number)

    assert await handle.result(20) == [[0, 1], 2, 3]
    await assert_sound(Listening, handle)


async def test_C11_a_signal_that_cannot_be_decoded_is_a_dead_letter_and_its_neighbours_are_processed(
    client: Client, inhabited: House
) -> None:
    handle = await client.dispatch(client.new(Listening).three)
    listening, anyhow = client.get(Listening, id=handle.id), client.get("Listening", id=handle.id)
    for number in range(4):
        await anyhow.signal("inbox", {"not": "a number"})
        await listening.inbox.send(number)

    assert await handle.result(20) == [[0, 1], 2, 3]
    await assert_sound(Listening, handle)
    async with opened(inhabited.url) as (_, store):

        async def buried() -> bool:
            letters = await store.dead_letters("", 100)
            return len([one for one in letters if handle.id.encode() in one.body and "inbox" in one.reason]) == 4

        await until(buried, "the four are dead letters")


async def test_C11_what_is_no_envelope_is_a_dead_letter_and_its_neighbours_are_processed(
    client: Client, inhabited: House
) -> None:
    handle = await client.dispatch(client.new(Listening).until_zero)
    garbage, inbox = uuid4().bytes, client.get(Listening, id=handle.id).inbox
    async with opened(inhabited.url) as (transport, store):
        queue = MailboxQueue("Listening", queue_index(handle.id, await transport.mailbox_count("Listening", 8)))
        for number in (1, 2, 0):
            await transport.publish(queue, garbage)
            await inbox.send(number)

        assert await handle.result(20) == [1, 2]
        await assert_sound(Listening, handle)

        async def buried() -> bool:
            return [one.source for one in await store.dead_letters("", 100) if one.body == garbage] == [str(queue)]

        await until(buried, "it is a dead letter")


async def test_C12_a_signal_to_nobody_is_no_error(client: Client) -> None:
    await client.get(Listening, id="nobody").inbox.send(1)
    await client.all(Listening, tag="nobody").inbox.send(1)

    assert not (await client.describe(client.get(Listening, id="nobody"))).found


async def test_C13_the_same_message_id_twice_is_one_signal_by_id_and_by_tag(client: Client) -> None:
    tag, message = uuid4().hex, uuid4().hex
    handle = await client.dispatch(client.new(Listening, tags={tag}).until_zero)
    one, all_ = client.get(Listening, id=handle.id).inbox, client.all(Listening, tag=tag).inbox
    for _ in range(3):
        await one.send(1, message_id=message)
        await all_.send(2, message_id=f"{message}/2")
    await all_.send(0)  # behind the others in the tag's mailbox

    assert sorted(await handle.result(20)) == [1, 2]
    await assert_sound(Listening, handle)


async def test_a_signal_of_another_type_is_refused_at_the_sender(client: Client) -> None:
    with pytest.raises(ArgumentMismatch, match=r"Listening\.inbox\.send"):
        await client.get(Listening, id="nobody").inbox.send("word")  # type: ignore[arg-type]


async def test_many_senders_at_once_lose_nothing(client: Client) -> None:
    handle = await client.dispatch(client.new(Listening).until_zero)
    inbox = client.get(Listening, id=handle.id).inbox
    await asyncio.gather(*(inbox.send(number) for number in range(1, 301)))
    await inbox.send(0)

    assert sorted(await handle.result(20)) == list(range(1, 301))
    await assert_sound(Listening, handle)
