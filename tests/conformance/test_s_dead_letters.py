"""S · dead letters: listed, read, and sent again."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from leveret import Handle, workflow
from leveret.url import Url
from leveret_actors.backends import backends
from leveret_actors.router import Resent, resend
from leveret_actors.router.resending import what_it_is
from leveret_actors.store.contract import DeadLetter, Store
from leveret_broker.address import DEAD_LETTERS, MailboxQueue
from leveret_broker.codec import Codec
from leveret_broker.envelope import Envelope, Task, WorkflowCaller, encode
from leveret_broker.transport import Transport
from tests.conformance.bench import Bench, SteeredBench
from tests.conformance.house import DEADLINE, House


@workflow.define
class Talk:
    bench = workflow.service(Bench)
    words = workflow.Channel[str]()

    async def run(self, word: str) -> str:
        return await self.bench.say(word)

    async def listen(self) -> str:
        return await self.words.receive()


@asynccontextmanager
async def behind(house: House) -> AsyncGenerator[tuple[Transport, Store]]:
    transport, store = backends(Url.parse(house.url))
    await store.open(DEADLINE)
    await transport.open(DEADLINE)
    try:
        yield transport, store
    finally:
        await transport.close()
        await store.close()


async def lose_its_task(house: House, handle: Handle[str]) -> DeadLetter:
    """Have the task of a waiting instance end as if every delivery of it had brought a worker down."""
    run = str((await house.waiting(handle, "task"))["run"])
    caller = WorkflowCaller(MailboxQueue("Talk", 0), handle.id, run, 1)
    task = Task(
        f"{run}.1", "Bench", "say", Codec().dump({"word": "hi"}), caller, workflow="Talk", instance=handle.id, run=run
    )
    async with behind(house) as (transport, _):
        letter = encode(Envelope(task.task_id, "", task))
        await transport.publish(DEAD_LETTERS, letter, reason="delivery limit", source="Bench")
    (found,) = await house.dead_letters(1)
    return found


async def test_S10_the_replay_of_a_dead_task_resumes_its_workflow(house: House) -> None:
    await house.open(Talk)
    handle = await house.start(Talk, "hi", id="t")
    letter = await lose_its_task(house, handle)
    await house.status(handle, "failed")
    bench = SteeredBench()
    await house.stop()
    await house.open(Talk, services=(bench,))

    async with behind(house) as (transport, store):
        replayed = await resend(letter, house.client, transport, store, DEADLINE)
        left = await store.dead_letters("", 10)

    assert what_it_is(letter).endswith("of Talk 't'")
    assert replayed.sent
    assert await handle.result(DEADLINE) == "hi"
    assert left == []


async def test_S10_the_retry_of_a_dead_task_removes_its_letter(house: House) -> None:
    await house.open(Talk, services=())
    handle = await house.start(Talk, "hi", id="t")
    await lose_its_task(house, handle)
    await house.status(handle, "failed")
    await house.stop()
    await house.open(Talk, services=(SteeredBench(),))

    await handle.retry_tasks(timeout=DEADLINE)

    assert await handle.result(DEADLINE) == "hi"
    assert await house.dead_letters(0) == []


async def test_S10_a_dead_signal_is_sent_again_to_its_instance(house: House) -> None:
    await house.open(Talk)
    handle = await house.start(Talk, method="listen", id="t")
    await house.client.get("Talk", id="t").signal("words", 5)
    (letter,) = await house.dead_letters(1)

    async with behind(house) as (transport, store):
        replayed = await resend(letter, house.client, transport, store, DEADLINE)
    (again,) = await house.dead_letters(1)
    await handle.signal("words", "hi")

    assert replayed == Resent(letter.id, sent=True, text="sent to Talk 't'")
    assert what_it_is(again) == "signal words for 't'"
    assert again.id != letter.id
    assert await handle.result(DEADLINE) == "hi"
