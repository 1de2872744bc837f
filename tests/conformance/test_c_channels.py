"""C · channels: signals by id and by tag, which of them a receiver takes, and what becomes of the others."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import msgspec
import pytest

from leveret import events, workflow
from leveret.errors import ArgumentMismatch
from tests.conformance.bench import Bench, SteeredBench
from tests.conformance.house import DEADLINE, House, pending


class Yes(msgspec.Struct, tag=True, frozen=True):
    by: str


class No(msgspec.Struct, tag=True, frozen=True):
    by: str
    reason: str = ""


@dataclass(frozen=True)
class Line:
    number: int
    text: str = ""


@workflow.define
class Listens:
    """One way to listen a method."""

    bench = workflow.service(Bench)
    words = workflow.Channel[str]()
    others = workflow.Channel[str]()
    lines = workflow.Channel[Line]()
    votes = workflow.Channel[Yes | No]()
    live = workflow.Channel[str](buffered=False)

    async def one(self) -> str:
        return await self.words.receive()

    async def early(self) -> list[str]:
        await self.bench.hold("open")
        kept = await self.words.receive()
        live = self.live.receive()
        await self.bench.hold("listening")
        return [kept, await live]

    async def by_type(self) -> list[str]:
        no = await self.votes.receive(No)
        rest = [await self.votes.receive() for _ in range(2)]
        return [f"no {no.by}", *(f"{type(vote).__name__} {vote.by}" for vote in rest)]

    async def by_predicate(self) -> list[int]:
        big = await self.lines.receive(where=lambda line: line.number > 10)
        return [big.number, (await self.lines.receive()).number]

    async def by_path(self) -> list[int]:
        mine = await self.lines.receive(where="$[?@.text == 'u1']")
        return [mine.number, *[line.number for line in await self.lines.receive(2)]]

    async def by_type_and_path(self) -> list[str]:
        no = await self.votes.receive(No, where="$[?@.reason != '' && @.type == 'No']")
        return [no.by, *[vote.by for vote in await self.votes.receive(2)]]

    async def by_both(self) -> list[str]:
        no = await self.votes.receive(No, where=lambda vote: vote.reason != "")
        rest = [await self.votes.receive() for _ in range(2)]
        return [no.by, *(vote.by for vote in rest)]

    async def iterate(self) -> list[str]:
        seen: list[str] = []
        async for word in self.words:
            if word == "end":
                break
            seen.append(await self.bench.say(word))
        return seen

    async def again(self) -> list[str]:
        word = self.words.receive()
        return [await word, await word, await word]

    async def takes_turns(self) -> list[list[str]]:
        heard: list[list[str]] = []

        async def listen(name: str) -> None:
            heard.append([name, await self.words.receive()])

        listeners = [asyncio.create_task(listen(name)) for name in "ab"]
        await self.others.receive()
        listeners[0].cancel()
        await asyncio.wait(listeners)
        return heard

    async def several(self) -> list[list[str]]:
        return [await self.words.receive(2), await self.words.receive(1), await self.words.receive(2)]


async def test_C01_a_signal_by_id_resumes_the_workflow(house: House) -> None:
    await house.open(Listens)
    handle, other = [await house.start(Listens, method="one", id=name) for name in "ab"]
    await house.waiting(other, "receive")

    await house.client.get(Listens, id="a").words.send("hello")

    assert await handle.result(DEADLINE) == "hello"
    assert (await house.describe(other))["status"] == "running"


async def test_C02_a_signal_by_tag_reaches_every_instance_with_it_and_no_other(house: House) -> None:
    await house.open(Listens)
    mine = [await house.start(Listens, method="one", tags={"mine", "all"}) for _ in range(3)]
    other = await house.start(Listens, method="one", tags={"all"})

    await house.client.all(Listens, tag="mine").words.send("mine")
    assert [await handle.result(DEADLINE) for handle in mine] == ["mine"] * 3
    assert (await house.waiting(other, "receive"))["signals"] == {}

    await house.client.all(Listens, tag="all").words.send("all")
    assert await other.result(DEADLINE) == "all"


async def test_C03_a_signal_to_another_channel_does_not_resume(house: House) -> None:
    await house.open(Listens)
    handle = await house.start(Listens, method="one", id="a")

    await house.client.get(Listens, id="a").others.send("other")
    await house.described(handle, lambda row: row["signals"] == {"others": 1})
    await house.client.get(Listens, id="a").words.send("word")

    assert await handle.result(DEADLINE) == "word"


async def test_C04_a_buffered_channel_keeps_what_comes_early_an_unbuffered_one_discards_it(house: House) -> None:
    bench = SteeredBench()
    await house.open(Listens, services=(bench,), listens=True)
    handle = await house.start(Listens, method="early", id="a")
    target = house.client.get(Listens, id="a")
    await bench.begun("open")

    await target.live.send("discarded")
    await target.words.send("kept")
    await house.described(handle, lambda row: row["signals"] == {"words": 1})
    bench.let_go("open")
    await bench.begun("listening")
    await target.live.send("heard")
    bench.let_go("listening")

    assert await handle.result(DEADLINE) == ["kept", "heard"]
    [discarded] = await house.told(events.SignalDiscarded)
    assert (discarded.type, discarded.instance, discarded.channel) == ("signalDiscarded", "a", "live")
    assert discarded.run == (await house.describe(handle))["run"]


async def test_C05_a_receiver_of_a_type_leaves_the_others(house: House) -> None:
    await house.open(Listens)
    handle = await house.start(Listens, method="by_type", id="a")

    for vote in (Yes("x"), No("y"), Yes("z")):
        await house.client.get(Listens, id="a").votes.send(vote)

    assert await handle.result(DEADLINE) == ["no y", "Yes x", "Yes z"]


async def test_C06_a_receiver_with_a_predicate_takes_only_what_matches(house: House) -> None:
    await house.open(Listens)
    handle = await house.start(Listens, method="by_predicate", id="a")

    for number in (1, 11, 12):
        await house.client.get(Listens, id="a").lines.send(Line(number))

    assert await handle.result(DEADLINE) == [11, 1]


async def test_C06_a_receiver_with_a_path_takes_only_what_it_selects(house: House) -> None:
    await house.open(Listens)
    handle = await house.start(Listens, method="by_path", id="a")

    await house.client.get(Listens, id="a").lines.send(Line(1, "u2"))
    await house.client.get("Listens", id="a").signal("lines", {"number": 2, "text": "u1"})
    await house.client.get(Listens, id="a").lines.send(Line(3, "u1"))

    assert await handle.result(DEADLINE) == [2, 1, 3]


async def test_C07_type_and_path_hold_together(house: House) -> None:
    await house.open(Listens)
    handle = await house.start(Listens, method="by_type_and_path", id="a")

    for vote in (No("x"), Yes("y"), No("z", "dear")):
        await house.client.get(Listens, id="a").votes.send(vote)

    assert await handle.result(DEADLINE) == ["z", "x", "y"]


async def test_C07_type_and_predicate_hold_together(house: House) -> None:
    await house.open(Listens)
    handle = await house.start(Listens, method="by_both", id="a")

    for vote in (No("x"), Yes("y"), No("z", "dear")):
        await house.client.get(Listens, id="a").votes.send(vote)

    assert await handle.result(DEADLINE) == ["z", "x", "y"]


async def test_C08_async_for_gives_every_signal_in_the_order_of_acceptance(house: House) -> None:
    await house.open(Listens, services=(SteeredBench(),))
    handle = await house.start(Listens, method="iterate", id="a")
    words = [str(number) for number in range(50)]

    for word in [*words, "end"]:
        await house.client.get(Listens, id="a").words.send(word)

    assert await handle.result(DEADLINE) == words


async def test_C09_a_deferred_of_a_channel_gives_the_next_signal_each_time(house: House) -> None:
    await house.open(Listens)
    handle = await house.start(Listens, method="again", id="a")

    for word in "abc":
        await house.client.get(Listens, id="a").words.send(word)

    assert await handle.result(DEADLINE) == ["a", "b", "c"]


async def test_C09_receiving_n_leaves_the_rest_to_the_next_receiver(house: House) -> None:
    await house.open(Listens)
    handle = await house.start(Listens, method="several", id="a")

    for word in "abcde":
        await house.client.get(Listens, id="a").words.send(word)

    assert await handle.result(DEADLINE) == [["a", "b"], ["c"], ["d", "e"]]


async def test_C10_a_signal_right_after_the_start_is_not_lost_with_the_node_down(house: House) -> None:
    await house.open(Listens)
    await house.stop()
    by_id = await house.start(Listens, method="one", id="a")
    await house.client.get(Listens, id="a").words.send("id")
    by_tag = await house.start(Listens, method="one", tags={"t"})
    await house.client.all(Listens, tag="t").words.send("tag")

    await house.resume()

    assert [await by_id.result(DEADLINE), await by_tag.result(DEADLINE)] == ["id", "tag"]


async def test_C10_a_signal_that_a_cancelled_receiver_had_got_goes_to_the_next_one(house: House) -> None:
    await house.open(Listens)
    handle = await house.start(Listens, method="takes_turns")
    await house.waiting(handle, "receive", 3)
    await house.stop()
    stub = house.client.get(Listens, id=handle.id)
    await stub.others.send("cancel the first")
    await stub.words.send("hello")

    await house.resume()

    assert await handle.result(DEADLINE) == [["b", "hello"]]


async def test_C10_a_signal_right_after_a_start_with_a_unique_tag_is_not_lost(house: House) -> None:
    handles = [await house.start(Listens, method="one", id=name, unique_tag=f"u{name}") for name in "ab"]
    await house.client.get(Listens, id="a").words.send("id")
    await house.client.all(Listens, tag="ub").words.send("tag")

    await house.open(Listens)

    assert [await handle.result(DEADLINE) for handle in handles] == ["id", "tag"]


async def test_C11_a_signal_that_cannot_be_decoded_is_set_aside_and_the_others_are_processed(house: House) -> None:
    await house.open(Listens, services=(SteeredBench(),))
    handle = await house.start(Listens, method="iterate", id="a")
    target = house.client.get("Listens", id="a")

    with pytest.raises(ArgumentMismatch, match="words"):
        await house.client.get(Listens, id="a").words.send(3)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    for channel, value in (("words", "a"), ("words", {"not": "a word"}), ("none", "x"), ("words", "b")):
        await target.signal(channel, value)
    letters = await house.dead_letters(2)
    await target.signal("words", "end")

    assert await handle.result(DEADLINE) == ["a", "b"]
    assert len(letters) == 2


async def test_C12_a_signal_to_a_completed_or_unknown_instance_is_no_error_of_the_sender(house: House) -> None:
    await house.open(Listens, listens=True)
    handle = await house.start(Listens, method="one", id="a")
    target = house.client.get(Listens, id="a")
    await target.words.send("first")
    assert await handle.result(DEADLINE) == "first"
    before = await house.describe(handle)

    await target.words.send("late")
    await house.client.get(Listens, id="nobody").words.send("lost")

    closed, unknown = await house.told(events.SignalDiscarded, 2)
    assert {(event.instance, event.channel) for event in (closed, unknown)} == {("a", "words"), ("nobody", "words")}
    assert await house.describe(handle) == before
    assert not (await house.client.get("Listens", id="nobody").describe(DEADLINE)).found


async def test_C13_the_same_message_id_twice_is_one_signal_also_after_a_restart(house: House) -> None:
    bench = SteeredBench()
    await house.open(Listens, services=(bench,))
    handle = await house.start(Listens, method="iterate", id="a", tags={"t"})

    async def send() -> None:
        await house.client.get(Listens, id="a").words.send("one", message_id="m1")
        await house.client.all(Listens, tag="t").words.send("two", message_id="m2")

    await send()
    await send()
    await house.described(handle, lambda row: bench.calls == ["one", "two"] and bool(pending(row, "receive")))
    await house.restart()
    await send()
    await house.client.all(Listens, tag="t").words.send("end")

    assert await handle.result(DEADLINE) == ["one", "two"]
