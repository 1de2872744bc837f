"""Tasks that clients called: kept, told, and run by one message, whatever crashes."""

import asyncio

import msgspec
import pytest

from leveret import service
from leveret_actors.settings import LeaseSettings
from leveret_broker.address import DEAD_LETTERS, ServiceQueue
from leveret_broker.envelope import Answer, AskTask, ClientCaller, EndTask, Envelope, SettleTask, Task, decode, encode
from leveret_broker.errors import StoreUnavailable
from leveret_broker.outcome import Completed, Failed
from tests.service.world import World


class Ferry:
    def __init__(self) -> None:
        self.calls: list[str] = []
        self.go = asyncio.Event()

    async def cross(self) -> str:
        self.calls.append(service.context().task_id)
        await self.go.wait()
        return "across"

    @service.task(delegated=True)
    async def row(self) -> str:
        return "never seen"


class Client:
    """The replies of one client."""

    def __init__(self, world: World, name: str) -> None:
        self._replies = asyncio.Queue[bytes]()
        self.name, self.world = name, world

    async def open(self) -> "Client":
        await self.world.transport.subscribe_replies(self.name, self._replies.put_nowait, lambda: None)
        return self

    def caller(self, request: str) -> ClientCaller:
        return ClientCaller(self.name, request)

    async def ask(self, task_id: str, request: str) -> None:
        question = AskTask(task_id, self.caller(request))
        await self.world.publish("Ferry", encode(Envelope(f"ask {request}", "", question)))

    async def told(self) -> tuple[str, object]:
        async with asyncio.timeout(10):
            envelope = decode(await self._replies.get())
        assert isinstance(envelope.message, Answer)
        outcome = envelope.message.outcome
        return envelope.id, self.world.codec.load(outcome.value) if isinstance(outcome, Completed) else outcome


@pytest.fixture
async def client(world: World) -> Client:
    return await Client(world, "me").open()


async def send(world: World, client: Client, task_id: str, request: str, name: str = "Ferry.cross") -> None:
    """Call under a message id of its own, as clients do."""
    task = Task(task_id, "Ferry", name.partition(".")[2], world.codec.dump({}), client.caller(request))
    await world.publish("Ferry", encode(Envelope(f"call {request}", "", task)))


async def test_whoever_calls_or_asks_under_one_id_gets_the_outcome_of_one_run(world: World, client: Client) -> None:
    ferry = Ferry()
    await client.ask("t1", "before")
    await world.start(ferry)
    await send(world, client, "t1", "first")
    await send(world, client, "t1", "second")
    await client.ask("t1", "while")
    await world.until(lambda: world.left("Ferry") == 1)

    ferry.go.set()
    answers = {await client.told() for _ in range(4)}
    await client.ask("t1", "after")

    assert answers == {(request, "across") for request in ("before", "first", "second", "while")}
    assert await client.told() == ("after", "across")
    assert ferry.calls == ["t1"]


async def test_a_worker_that_dies_before_it_told_leaves_the_outcome_to_be_told_by_the_next(memory_world: World) -> None:
    world, ferry = memory_world, Ferry()
    client = await Client(world, "me").open()
    ferry.go.set()
    worker = await world.start(ferry)

    def dies(name: str, after: bool) -> None:
        if name == "keep_outcome" and after:
            world.room.fault = None
            raise StoreUnavailable("the process is gone")

    world.room.fault = dies
    await send(world, client, "t1", "r1")
    await world.until(lambda: world.room.fault is None)
    await worker.crash()
    await world.start(ferry, name="w2")

    assert await client.told() == ("r1", "across")
    assert ferry.calls == ["t1"]


async def test_the_outcome_of_a_call_under_a_lease_is_kept_though_its_worker_dies_having_stored_it(
    memory_world: World,
) -> None:
    world, ferry = memory_world, Ferry()
    client = await Client(world, "me").open()
    worker = await world.start(ferry, leases=LeaseSettings(after=0.001, seconds=0.05, wait=0.01))
    await send(world, client, "t1", "r1")
    await world.until(lambda: world.left("Ferry") == 0 and bool(ferry.calls))

    def dies(name: str, after: bool) -> None:
        if name == "keep_outcome" and not after:
            raise StoreUnavailable("the process is gone")

    world.room.fault = dies
    ferry.go.set()
    async with asyncio.timeout(10):
        while (await world.store.find_leases(["t1"]))[0].status != "finished":  # type: ignore[union-attr]
            await asyncio.sleep(0.001)
    await worker.crash()
    world.room.fault = None
    lease = world.room.leases.rows["t1"]
    world.room.leases.rows["t1"] = msgspec.structs.replace(lease, until=0.0)
    await world.sweeper().sweep()
    await world.start(ferry, name="w2")

    assert await client.told() == ("r1", "across")
    assert ferry.calls == ["t1"]


async def test_a_delegated_task_of_a_client_is_told_of_when_somebody_completes_it(world: World, client: Client) -> None:
    await world.start(Ferry())
    await send(world, client, "t1", "r1", "Ferry.row")
    async with asyncio.timeout(10):
        while (lease := (await world.store.find_leases(["t1"]))[0]) is None or lease.status != "delegated":
            await asyncio.sleep(0.001)

    settled = SettleTask("t1", Completed(world.codec.dump("rowed")))
    await world.publish("Ferry", encode(Envelope("s1", "", settled)))

    assert await client.told() == ("r1", "rowed")
    await client.ask("t1", "later")
    assert await client.told() == ("later", "rowed")


async def test_a_dead_letter_of_a_client_is_told_of_and_runs_when_it_is_sent_again(
    world: World, client: Client
) -> None:
    ferry = Ferry()
    ferry.go.set()
    await world.route_dead_letters()
    task = Task("t1", "Ferry", "cross", world.codec.dump({}), client.caller("r1"))
    body = encode(Envelope("call r1", "", task))
    await world.transport.publish(DEAD_LETTERS, body, reason="it killed workers", source=str(ServiceQueue("Ferry")))
    await world.letter()
    await world.start(ferry)

    request, outcome = await client.told()
    again = msgspec.structs.replace(task, sequence=1)
    await world.publish("Ferry", encode(Envelope("call r1", "", again)))

    assert request == "r1"
    assert isinstance(outcome, Failed)
    assert "it killed workers" in outcome.failure.message
    assert await client.told() == ("r1", "across")


async def test_a_store_that_does_not_answer_delays_the_outcome_and_loses_nothing(
    memory_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, ferry = memory_world, Ferry()
    monkeypatch.setattr("leveret_actors.service.waiting.PAUSE", 0.01)
    client = await Client(world, "me").open()
    ferry.go.set()
    left = 3

    def away(name: str, after: bool) -> None:
        nonlocal left
        if name in {"note_calls", "keep_outcome"} and not after and left:
            left -= 1
            raise StoreUnavailable("away")

    world.room.fault = away
    await world.start(ferry)
    await send(world, client, "t1", "r1")

    assert await client.told() == ("r1", "across")
    assert left == 0


async def test_tasks_of_workflows_ask_nothing_of_what_is_kept_for_clients(memory_world: World) -> None:
    world, ferry, asked = memory_world, Ferry(), list[str]()
    world.room.fault = lambda name, _: asked.append(name)
    ferry.go.set()
    await world.start(ferry)

    await world.send("Ferry.cross")

    assert await world.value() == "across"
    assert not set(asked) & {"note_calls", "keep_outcome"}


async def test_the_end_of_an_earlier_life_that_comes_late_is_dropped(world: World, client: Client) -> None:
    ferry = Ferry()
    await world.start(ferry)
    task = Task("t1", "Ferry", "cross", world.codec.dump({}), client.caller("r1"), sequence=1)
    await world.publish("Ferry", encode(Envelope("call r1", "", task)))
    await world.until(lambda: ferry.calls == ["t1"])

    late = EndTask("t1", Completed(world.codec.dump("sunk")), 0, client.caller("r1"))
    await world.publish("Ferry", encode(Envelope("t1.end.0", "", late)))
    await world.until(lambda: world.left("Ferry") == 1)  # what runs
    ferry.go.set()

    assert await client.told() == ("r1", "across")


async def test_the_end_of_an_earlier_life_tells_nobody_when_the_later_one_has_ended(
    world: World, client: Client
) -> None:
    ferry = Ferry()
    ferry.go.set()
    await world.start(ferry)
    task = Task("t1", "Ferry", "cross", world.codec.dump({}), client.caller("r1"), sequence=1)
    await world.publish("Ferry", encode(Envelope("call r1", "", task)))
    first = await client.told()

    late = EndTask("t1", Completed(world.codec.dump("sunk")), 0, client.caller("r0"))
    await world.publish("Ferry", encode(Envelope("t1.end.0", "", late)))
    await world.empty("Ferry")
    await client.ask("t1", "after")

    assert first == ("r1", "across")
    assert await client.told() == ("after", "across")
