"""What is settled from outside, or ends under a lease, goes on when its worker dies or something comes between."""

import asyncio

import msgspec
import pytest

from leveret.retry import Retry
from leveret_actors.service import settling
from leveret_actors.service.keeping import encode_parcel
from leveret_actors.service.report import report
from leveret_actors.settings import ServiceSettings
from leveret_actors.store.contract import Outgoing
from leveret_actors.store.leases import FINISHED, Lease
from leveret_broker.address import ServiceQueue
from leveret_broker.envelope import Done, Envelope, SettleTask, encode
from leveret_broker.errors import StoreUnavailable
from leveret_broker.outcome import Completed, Failed
from tests.service.test_delegated import Desk, refused, settler
from tests.service.test_leases import Ship, lease_of, with_status
from tests.service.world import Worker, World

TWICE = ServiceSettings(retry=Retry(initial=0, attempts=2))


@pytest.fixture(autouse=True)
def soon_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settling, "CLOSE_SECONDS", 0.01)


async def dies_having_stored(world: World, worker: Worker, task_id: str, outcome: Completed | Failed) -> None:
    """Have a worker settle a task, and die before it sends what follows."""
    stored = asyncio.Event()

    def fault(name: str, after: bool) -> None:
        if name == "replace" and after:
            world.room.fault = None
            stored.set()
            raise StoreUnavailable("the process is gone")

    world.room.fault = fault
    await world.publish("Approval", encode(Envelope("m", "", SettleTask(task_id, outcome, retry=True))))
    await stored.wait()
    await worker.crash()


async def test_S06_the_next_attempt_of_a_failed_delegate_is_sent_by_the_next_worker_when_this_one_dies(
    memory_world: World,
) -> None:
    world, desk, other = memory_world, Desk(), Desk()
    worker = await world.start(desk, settings=TWICE)
    task = await world.send("Approval.approve", {"amount": 5})
    await with_status(world, task.task_id, "delegated")

    await dies_having_stored(world, worker, task.task_id, refused("ill"))
    await world.start(other, name="w2", settings=TWICE)

    assert await other.handed_to() == task.task_id
    assert (desk.attempts, other.attempts) == ([1], [2])


async def test_S06_a_delegated_task_for_which_nobody_waits_is_over_once_it_is_stored(memory_world: World) -> None:
    world = memory_world
    worker = await world.start(Desk())
    task = await world.send("Approval.approve", {"amount": 5}, caller=None)
    await with_status(world, task.task_id, "delegated")

    await dies_having_stored(world, worker, task.task_id, Completed(world.codec.dump(True)))

    lease = await lease_of(world, task.task_id)
    assert lease is not None
    assert lease.status == "completed"


async def test_S06_a_task_between_two_attempts_cannot_be_settled(world: World) -> None:
    settle = await settler(world)
    await world.start(Desk())
    task = await world.send("Approval.approve", {"amount": 5})
    lease = await with_status(world, task.task_id, "delegated")
    parcel = encode_parcel(Outgoing(ServiceQueue("Approval"), lease.body))
    between = msgspec.structs.replace(lease, status=FINISHED, holder="elsewhere", parcel=parcel, body=b"")
    assert await world.store.replace(lease, between, 60.0)

    answer = await settle(task.task_id, True)

    text = f"task {task.task_id} is between two attempts: try again when the next one runs"
    assert answer == Done(True, 0, text)
    assert (await with_status(world, task.task_id, FINISHED)).parcel == parcel


async def test_S06_a_task_whose_lease_changes_hands_while_it_is_settled_is_settled_in_the_new_ones(
    memory_world: World,
) -> None:
    world, settle = memory_world, await settler(memory_world)
    await world.start(Desk())
    task = await world.send("Approval.approve", {"amount": 5})
    await with_status(world, task.task_id, "delegated")
    leases = world.room.leases.rows

    def fault(name: str, after: bool) -> None:
        if name == "find_leases" and after:
            world.room.fault = None
            leases[task.task_id] = msgspec.structs.replace(leases[task.task_id], deaths=1)

    world.room.fault = fault
    answer = await settle(task.task_id, True)

    assert answer == Done(True, 1, f"task {task.task_id} is completed")
    assert await world.value() is True
    assert (await with_status(world, task.task_id, "completed")).deaths == 1


async def test_a_redelivered_task_that_has_finished_is_not_run_and_its_outcome_is_sent_once_more(world: World) -> None:
    ship = Ship()
    task = await world.send("Ship.sail")
    dying = world.new_transport()
    await dying.open()
    await (await dying.subscribe_service(ServiceQueue("Ship"), 1)).take()
    sending = report(task, Completed(world.codec.dump("landed")), "w0", 0.0)
    assert sending is not None
    parcel = encode_parcel(Outgoing(*sending))
    finished = Lease(
        task=task.task_id, service="Ship", name="sail", sequence=0, attempt=1, status=FINISHED, parcel=parcel
    )
    assert await world.store.hold([finished], 60.0) == [None]
    await dying.close()

    await world.start(ship)

    async with asyncio.timeout(10):
        assert await world.value() == "landed"
    await world.empty("Ship")
    assert ship.calls == {}
