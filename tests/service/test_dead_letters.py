"""From the broker's dead letters into the store."""

from typing import Any

import pytest

from leveret_actors import patience
from leveret_broker.address import DEAD_LETTERS, ServiceQueue
from leveret_broker.envelope import Ended, Envelope, Task, Wake, encode
from leveret_broker.errors import StoreUnavailable
from tests.service.world import MAILBOX, World

SOURCE = str(ServiceQueue("Gone"))


@pytest.fixture
def world(memory_world: World) -> World:
    return memory_world


async def bury(world: World, body: bytes, reason: str = "nobody reads it") -> None:
    await world.transport.publish(DEAD_LETTERS, body, reason=reason, source=SOURCE)


def task(**fields: Any) -> Task:
    return Task(task_id="run.1", service="Gone", name="do", arguments=b"", **fields)  # type: ignore[arg-type]


async def test_a_dead_letter_keeps_its_bytes_its_source_and_its_reason(world: World) -> None:
    await world.route_dead_letters()

    await bury(world, b"\x00garbage")
    letter = await world.letter()

    assert (letter.body, letter.source, letter.reason) == (b"\x00garbage", SOURCE, "nobody reads it")


async def test_the_caller_of_a_dead_task_is_told_the_reason_under_the_id_of_its_end(world: World) -> None:
    await world.route_dead_letters()

    await world.send("Gone.do", task_id="run.0")
    deliveries = await (await world.transport.subscribe_service(ServiceQueue("Gone"), 1)).take()
    await bury(world, deliveries[0].bodies[0])
    envelope = await world.ended()

    assert isinstance(envelope.message, Ended)
    assert envelope.id == "run.0.end.0"
    assert "nobody reads it" in str(envelope.message.outcome)


async def test_the_same_letter_from_two_routers_is_kept_once_and_another_reason_makes_another(world: World) -> None:
    await world.route_dead_letters()
    await world.route_dead_letters()
    body = encode(Envelope("id1", "", task()))

    for reason in ("a", "a", "b"):
        await bury(world, body, reason)
    await world.until(lambda: not world.memory.queue("t", DEAD_LETTERS).items)
    await world.until(lambda: not any(s._unacknowledged for s in _consumers(world)))

    assert sorted(letter.reason for letter in await world.store.dead_letters("", 10)) == ["a", "b"]


async def test_a_dead_letter_that_is_no_task_is_kept_and_nobody_is_told(world: World) -> None:
    await world.route_dead_letters()

    await bury(world, encode(Envelope("id1", "i1", Wake())))
    letter = await world.letter()

    assert letter.body
    assert not world.memory.queue("t", MAILBOX).items


async def test_a_letter_is_acknowledged_only_when_the_store_has_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    faults = [StoreUnavailable("no"), StoreUnavailable("no")]

    def fault(name: str, after: bool) -> None:
        if name == "bury" and not after and faults:
            raise faults.pop()

    monkeypatch.setattr(patience, "pause", lambda *_, **__: 0.0)
    world.room.fault = fault
    await world.route_dead_letters()

    await bury(world, b"x")
    letter = await world.letter()

    assert letter.body == b"x"
    assert not faults


def _consumers(world: World) -> list[Any]:
    return list(world.memory.queue("t", DEAD_LETTERS).consumers)
