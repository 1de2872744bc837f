"""S05 · batches whose calls are cancelled, and those that a stop or a lost connection finds."""

from __future__ import annotations

import asyncio

from leveret.service import TaskId
from leveret_actors.settings import LeaseSettings, ServiceSettings
from leveret_broker.address import ServiceQueue
from tests.service.press import FOREVER, Press, outcomes, send, waiting
from tests.service.world import World


async def test_S05_cancelling_one_call_of_a_running_batch_leaves_the_others(world: World) -> None:
    press = Press()
    press.go.clear()
    worker = await world.start(press)
    first, second, third = await send(world, "by_count", 1, 2, 3)
    await press.begun(1)
    told: list[str] = []
    call = press.batches[0][TaskId(second)]
    call.on_cancel(lambda: told.append(call.reason))

    await world.cancel(second, FOREVER, "sold out")
    await world.until(lambda: told == ["sold out"])
    press.go.set()

    assert await outcomes(world, 2) == {first: 2, third: 6}
    await world.empty("Press")
    assert worker.runner._busy == 0


async def test_S05_a_batch_whose_calls_are_all_cancelled_is_stopped(world: World) -> None:
    press = Press()
    press.go.clear()
    worker = await world.start(press)
    ids = await send(world, "by_count", 1, 2, 3)
    await press.begun(1)

    for task_id in ids:
        await world.cancel(task_id, FOREVER)

    await world.empty("Press")
    assert worker.runner._busy == 0
    assert all(call.cancelled for call in press.batches[0].values())


async def test_S05_a_call_cancelled_while_its_batch_fills_is_not_in_it(world: World) -> None:
    press = Press()
    worker = await world.start(press)
    first, second = await send(world, "by_count", 1, 2)
    await world.until(lambda: waiting(worker.runner) == 2)

    await world.cancel(first, FOREVER)
    await world.until(lambda: first in worker.runner._revocations._heard)
    (third,) = await send(world, "by_count", 3)

    assert await outcomes(world, 2) == {second: 4, third: 6}


async def test_S05_a_worker_that_stops_gives_back_what_waits_for_its_batch(world: World) -> None:
    press, other = Press(), Press()
    worker = await world.start(press)
    ids = await send(world, "by_count", 1, 2)
    await world.until(lambda: waiting(worker.runner) == 2)

    await worker.stop()
    await world.start(other, name="w2")

    assert await outcomes(world, 2) == dict(zip(ids, [2, 4], strict=True))
    assert press.batches == []
    assert other.sizes == [1, 1]


async def test_S05_a_batch_that_runs_when_its_worker_stops_ends_within_the_grace(world: World) -> None:
    press = Press()
    press.go.clear()
    worker = await world.start(press)
    await send(world, "by_count", 1, 2, 3)
    await press.begun(1)

    stopping = asyncio.create_task(worker.stop())
    press.go.set()
    await stopping

    assert len(await outcomes(world, 3)) == 3
    assert press.sizes == [3]


async def test_S05_a_batch_that_is_left_behind_by_a_stop_goes_back_whole(world: World) -> None:
    press, other = Press(), Press()
    press.go.clear()
    worker = await world.start(press)
    ids = await send(world, "by_count", 1, 2, 3)
    await press.begun(1)

    await worker.stop(grace=0)
    await world.start(other, name="w2")

    assert await outcomes(world, 3) == dict(zip(ids, [2, 4, 6], strict=True))
    assert all(call.cancelled for call in press.batches[0].values())


async def test_S05_a_redelivery_runs_no_call_twice_in_one_worker(memory_world: World) -> None:
    world, press = memory_world, Press()
    press.go.clear()
    worker = await world.start(press)
    ids = await send(world, "by_count", 1, 2, 3)
    await press.begun(1)
    hub = world.memory

    worker.cut()
    worker.relink()
    await world.until(lambda: not hub.queue("t", ServiceQueue("Press")).items and world.left("Press") == 3)
    await world.settle()
    press.go.set()

    assert await outcomes(world, 3) == dict(zip(ids, [2, 4, 6], strict=True))
    await world.empty("Press")
    assert press.sizes == [3]


async def test_S05_what_waits_for_its_batch_when_the_connection_is_lost_runs_once_and_alone(
    memory_world: World,
) -> None:
    world, press = memory_world, Press()
    worker = await world.start(press)
    ids = await send(world, "by_count", 1, 2)
    await world.until(lambda: waiting(worker.runner) == 2)

    worker.cut()
    worker.relink()
    found = await outcomes(world, 2)
    more = await send(world, "by_count", 3, 4, 5)
    found |= await outcomes(world, 3)

    assert found == dict(zip(ids + more, [2, 4, 6, 8, 10], strict=True))
    assert press.sizes == [1, 1, 3]


async def test_S05_a_batch_that_runs_for_long_is_leased_call_by_call_and_runs_once(world: World) -> None:
    press = Press()
    press.go.clear()
    worker = await world.start(press, leases=LeaseSettings(after=0.02, seconds=60.0, wait=0.01))
    first, second, third = await send(world, "by_count", 1, 2, 3)

    await world.empty("Press")  # the leases stand for the deliveries
    await world.cancel(second, FOREVER)
    await world.until(lambda: press.batches[0][TaskId(second)].cancelled)
    press.go.set()

    assert await outcomes(world, 2) == {first: 2, third: 6}
    assert press.sizes == [3]
    await world.until(lambda: worker.runner._busy == 0)


async def test_S05_a_leased_batch_that_fails_as_a_whole_is_run_again_one_by_one(world: World) -> None:
    press = Press()
    await world.start(
        press, leases=LeaseSettings(after=0.001, seconds=60.0, wait=0.01), settings=ServiceSettings(timeout=0.2)
    )

    ids = await send(world, "slow", 1, 2)

    assert await outcomes(world, 2) == dict(zip(ids, [1, 2], strict=True))
    assert press.sizes == [2, 1, 1]
