"""A task whose payloads cannot be read or written for now is not over when a connection is lost meanwhile."""

import pytest

from leveret_actors.service import closing
from leveret_broker.codec import Codec
from tests.service.test_leases import NEVER, Ship, drop_connection, lease_of
from tests.service.world import World


class Vault:
    """A payload codec whose key is away at times."""

    id = 1

    def __init__(self) -> None:
        self.is_open = True

    def encode(self, data: bytes) -> bytes:
        if not self.is_open:
            raise ConnectionError("the vault is sealed")
        return data[::-1]

    decode = encode


@pytest.fixture
def vault(memory_world: World, monkeypatch: pytest.MonkeyPatch) -> Vault:
    monkeypatch.setattr(closing, "LOCKED_SECONDS", 0.25)
    vault = Vault()
    memory_world.codec = Codec(vault)
    return vault


async def test_a_retried_task_that_waits_for_its_key_is_not_over_when_the_connection_is_lost(
    memory_world: World, vault: Vault
) -> None:
    world, ship = memory_world, Ship()
    ship.go.set()
    task = await world.send("Ship.sail", attempt=2)
    vault.is_open = False
    worker = await world.start(ship, leases=NEVER)
    await world.until(lambda: bool(worker.runner._taking.subscriptions))
    await world.empty("Ship")

    drop_connection(worker)
    await world.settle()
    vault.is_open = True

    assert (await world.store.attempts([task.task_id])) == [0]
    assert await world.value() == "landed"
    assert ship.calls == {task.task_id: 1}


async def test_a_task_that_waits_for_its_key_is_not_over_though_its_delivery_was_lost_before(
    memory_world: World, vault: Vault
) -> None:
    world, ship = memory_world, Ship()
    worker = await world.start(ship, leases=NEVER)
    task = await world.send("Ship.sail")
    await ship.sails.wait()
    vault.is_open = False
    worker.cut()
    ship.go.set()
    (job,) = worker.runner._jobs.values()
    await world.until(lambda: job.over)

    worker.runner._rescue()  # as when it learns of the loss before its publish is confirmed
    worker.relink()
    await world.until(lambda: job.settled)
    await world.settle()

    assert await lease_of(world, task.task_id) is None
    assert (await world.store.attempts([task.task_id])) == [0]
