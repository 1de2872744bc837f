"""S · services: tasks that run for longer than their delivery lasts run once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from leveret import workflow
from leveret_actors.settings import LeaseSettings
from tests.conformance.bench import Bench, SteeredBench
from tests.conformance.house import DEADLINE, House, pending
from tests.conformance.poison import EmploysLong, Tiring
from tests.conformance.processes import start_host
from tests.servers import RabbitServer

ACKNOWLEDGEMENT_TIMEOUT = 2.0
SOON = LeaseSettings(after=0.5, seconds=1.5, wait=0.5)
LATE = LeaseSettings(after=3600.0, wait=1.0)


@pytest.fixture(scope="module")
def rabbit() -> Iterator[RabbitServer]:
    """A broker that closes the channel of who does not acknowledge for 2 s; it looks each second."""
    config = {"consumer_timeout": f"{ACKNOWLEDGEMENT_TIMEOUT * 1000:.0f}"}
    with RabbitServer(config, advanced={"channel_tick_interval": "1000"}) as server:
        yield server


@workflow.define
class Holds:
    bench = workflow.service(Bench)

    async def run(self) -> str:
        return await self.bench.hold("a")


async def test_S04_a_task_that_takes_longer_than_the_broker_waits_for_acknowledgements_runs_once(house: House) -> None:
    bench = SteeredBench()
    await house.open(Holds, services=(bench,), leases=SOON)
    handle = await house.start(Holds)
    await bench.begun("a")

    lease = await house.lease(bench.ids[0], "running")
    await house.until(await house.now() + 2 * ACKNOWLEDGEMENT_TIMEOUT)
    bench.let_go("a")

    assert await handle.result(DEADLINE) == "a"
    assert bench.calls == ["a"]
    assert (await house.lease(bench.ids[0], "completed")).order == lease.order


async def test_S04_a_task_whose_channel_was_closed_for_its_length_goes_on_under_a_lease(house: House) -> None:
    bench, other = SteeredBench(), SteeredBench()
    await house.open(Holds, services=(bench,), leases=LATE)
    handle = await house.start(Holds)
    await bench.begun("a")
    await house.reinforce(other)

    await house.until(await house.now() + 2 * ACKNOWLEDGEMENT_TIMEOUT)
    bench.let_go("a")

    assert await handle.result(DEADLINE) == "a"
    assert (bench.calls, other.calls) == (["a"], [])


async def test_S04_a_task_whose_connection_is_dropped_in_the_middle_runs_once_and_its_result_counts(
    house: House, request: pytest.FixtureRequest
) -> None:
    bench, other = SteeredBench(), SteeredBench()
    await house.open(Holds, services=(bench,), leases=LATE)
    handle = await house.start(Holds)
    await bench.begun("a")
    await house.reinforce(other)

    if house.url.startswith("amqp"):  # a file has no connections
        rabbit: RabbitServer = request.getfixturevalue("rabbit")
        rabbit.ctl("close_all_connections", "dropped by a test")
        await house.lease(bench.ids[0], "running")
    await house.until(await house.now() + 2 * LATE.wait)
    bench.let_go("a")

    assert await handle.result(DEADLINE) == "a"
    assert (bench.calls, other.calls) == (["a"], [])


async def test_S09_the_leased_task_of_a_killed_worker_runs_on_another_one(house: House) -> None:
    await house.open(EmploysLong, leases=SOON)
    handle = await house.start(EmploysLong)
    (task,) = pending(await house.waiting(handle, "task"))
    worker = await start_host("leases", house.url)
    lease = await house.lease(task["task_id"], "running")

    worker.kill()
    await worker.wait()
    await house.reinforce(Tiring())

    assert await handle.result(DEADLINE) == "survived"
    assert lease.deaths == 0


async def test_S11_a_leased_task_that_a_stopping_node_cannot_finish_runs_on_another_one(house: House) -> None:
    bench, other = SteeredBench(), SteeredBench()
    await house.open(Holds, services=(bench,), leases=SOON)
    handle = await house.start(Holds)
    await bench.begun("a")
    await house.lease(bench.ids[0], "running")

    await house.stop()
    await house.open(Holds, services=(other,), leases=SOON)
    await other.begun("a")
    other.let_go("a")

    assert await handle.result(DEADLINE) == "a"
    assert (bench.calls, other.calls) == (["a"], ["a"])
    assert bench.ids == other.ids
