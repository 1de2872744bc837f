"""An acknowledgement that is lost with its connection does not make a task that has ended run again."""

import pytest

from leveret_actors.settings import LeaseSettings
from leveret_broker.embedded.queue import MemorySubscription
from tests.service.test_leases import Ship, drop_connection, joined
from tests.service.world import Worker, World

WAITS = LeaseSettings(after=3600.0, wait=0.3)
"""As long as a store may need to hear of what was over, on a busy machine."""


@pytest.fixture
def ship() -> Ship:
    ship = Ship()
    ship.go.set()
    return ship


async def served(world: World, ship: Ship, count: int, monkeypatch: pytest.MonkeyPatch) -> Worker:
    """Start a worker, and have it run tasks whose acknowledgements the broker does not get."""
    worker = await world.start(ship, leases=WAITS)
    with monkeypatch.context() as patched:
        patched.setattr(MemorySubscription, "acknowledge", lambda _subscription, _deliveries: None)
        for _ in range(count):
            await world.send("Ship.sail")
            await world.value()
        await world.until(lambda: not worker.runner._jobs.values())
    assert world.left("Ship") == count
    return worker


@pytest.mark.parametrize("others", [True, False], ids=["another", "itself"])
async def test_a_task_that_ended_before_its_connection_was_lost_is_not_run_again(
    memory_world: World, ship: Ship, others: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker, other = await served(memory_world, ship, 3, monkeypatch), Ship()
    if others:
        await joined(memory_world, other, WAITS)

    drop_connection(worker)
    await memory_world.empty("Ship")

    assert other.calls == {}
    assert set(ship.calls.values()) == {1}


async def test_S11_a_task_that_ended_is_not_run_again_when_the_connection_is_lost_while_its_node_stops(
    memory_world: World, ship: Ship, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker, other = await served(memory_world, ship, 3, monkeypatch), Ship()

    worker.cut()
    await worker.stop()
    await joined(memory_world, other, WAITS)
    await memory_world.empty("Ship")

    assert other.calls == {}
    assert set(ship.calls.values()) == {1}


async def test_no_more_is_remembered_than_the_broker_leaves_unacknowledged(memory_world: World, ship: Ship) -> None:
    worker = await memory_world.start(ship, concurrency=2)
    asked = list[str]()
    for _ in range(5):
        await memory_world.send("Ship.sail")
        await memory_world.value()
    await memory_world.empty("Ship")

    memory_world.room.fault = lambda name, after: asked.append(name) if after else None
    drop_connection(worker)
    await memory_world.until(lambda: asked.count("note_attempt") >= 2)
    await memory_world.send("Ship.sail")
    await memory_world.value()

    assert asked.count("note_attempt") == 2
