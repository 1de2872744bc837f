"""Nothing that comes may bring a tag down."""

import msgspec
import pytest

from leveret_actors.actor import Inbox
from leveret_actors.store.contract import ActorRecord, Timer
from leveret_actors.tag.state import remember, remembers
from leveret_broker.envelope import Envelope, Refused, Signal, Wake
from tests.tag.bench import PAYLOAD, QUEUE, TAG, Bench, answers, dead, envelope, fan, join, leave


@pytest.fixture
async def bench() -> Bench:
    return await Bench().open()


@pytest.mark.parametrize("state", [b"", b"garbage", msgspec.msgpack.encode([1, "no"]), b"\xc1" * 50])
async def test_a_tag_whose_state_cannot_be_read_is_kept_and_its_messages_become_dead_letters(
    bench: Bench, state: bytes
) -> None:
    timer = Timer(TAG, "", 1, bench.clock)
    inbox = Inbox(TAG, [join("a"), fan("f")], [timer], record=ActorRecord(TAG, state, ()))

    await bench.actors.prepare(QUEUE, [inbox])
    turn = bench.actors.decide(QUEUE, inbox, bench.clock)

    assert turn.write is not None
    assert turn.write.state == state
    assert turn.write.timers == (Timer(TAG, "", 1, bench.clock + 3600),)
    assert len(dead(list(turn.posts))) == 2
    assert [type(answer) for answer in answers(list(turn.posts))] == [Refused]


async def test_a_message_that_is_not_for_tags_becomes_a_dead_letter_and_the_others_are_handled(bench: Bench) -> None:
    posts = await bench.send(join("a"), envelope(Signal("x", PAYLOAD)), envelope(Wake()), join("b"))

    assert len(dead(posts)) == 1
    assert ["Signal" in post.reason for post in posts if post.reason] == [True]
    assert await bench.names() == ["a", "b"]


async def test_a_key_that_is_not_of_a_tag_is_survived(bench: Bench) -> None:
    inbox = Inbox("no-slash", [Envelope("1", "no-slash", join("a").message)])

    turn = bench.actors.decide(QUEUE, inbox, bench.clock)

    assert turn.write is None
    assert len(dead(list(turn.posts))) == 1


async def test_an_inbox_to_give_up_becomes_dead_letters_and_the_tag_goes_on(bench: Bench) -> None:
    await bench.send(*(join(f"i{n}") for n in range(800)))
    await bench.turn(fan("f"))

    turn = await bench.turn(leave("i1"), give_up="brought the node down three times")

    assert [letter.id for letter in dead(list(turn.posts))][1:] == ["f"]
    assert not turn.more
    assert len(await bench.members()) == 800


def test_remembered_digests_are_bounded_and_matched_as_a_whole() -> None:
    recent = b""
    for n in range(600):
        recent = remember(recent, n.to_bytes(8, "big"))

    assert len(recent) == 512 * 8
    assert remembers(recent, (599).to_bytes(8, "big"))
    assert not remembers(recent, (1).to_bytes(8, "big"))
    assert not remembers(recent, recent[4:12])


def test_dropping_a_cached_tag_is_nothing() -> None:
    Bench().actors.drop(object())
