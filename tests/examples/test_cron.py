"""The example cron."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from examples.cron.job import Report
from examples.cron.schedule import BadSchedule, Schedule
from examples.cron.scheduler import Plan, Scheduler
from examples.skipping import skip
from leveret.events import WorkflowContinued
from leveret_broker.envelope import Call, ClientCaller
from tests.conformance.house import DEADLINE, House
from tests.workflow.harness import CODEC, Driver

SUNDAY = datetime(2040, 1, 1, tzinfo=UTC)
NIGHTLY = Schedule("0 3 * * *", "Report", arguments={"title": "sales"})


async def report(house: House, instance: str) -> str:
    handle = house.remember(Report, house.client.get("Report", id=instance))
    result: str = await handle.result(DEADLINE)
    return result


async def test_it_starts_one_workflow_each_time_through_several_runs_and_a_restart(house: House) -> None:
    await house.open(Scheduler, Report, listens=True)
    handle = await house.start(Scheduler, Plan(NIGHTLY, since=SUNDAY, steps=2), id="s", tags={"reports"})
    scheduler = house.client.get(Scheduler, id="s")

    for step in range(5):
        await skip(house.client, scheduler)
        if step == 2:
            await house.restart()
    await scheduler.stop()

    assert await handle.result(DEADLINE) == 5
    assert [await report(house, f"s-2040-01-0{day}T03:00:00") for day in range(1, 6)] == ["report of sales"] * 5
    assert len(await house.told(WorkflowContinued, 3)) == 3  # with the stop, three times two steps


async def test_a_change_counts_from_the_next_time_on(house: House) -> None:
    await house.open(Scheduler, Report)
    handle = await house.start(Scheduler, Plan(NIGHTLY, since=SUNDAY), id="s")
    scheduler = house.client.get(Scheduler, id="s")
    await skip(house.client, scheduler)

    await scheduler.change(Schedule("30 12 * * MON", "Report", arguments={"title": "the week"}, zone="Europe/Paris"))
    await skip(house.client, scheduler)
    await scheduler.stop()

    assert await handle.result(DEADLINE) == 2
    assert await report(house, "s-2040-01-01T03:00:00") == "report of sales"
    assert await report(house, "s-2040-01-02T11:30:00") == "report of the week"


async def test_times_that_passed_without_a_node_are_made_up_for_and_those_of_a_pause_are_not(house: House) -> None:
    begin = datetime.now(UTC).replace(microsecond=0) - timedelta(days=3)
    await house.open(Scheduler, Report)
    plan = Plan(Schedule(f"{begin.minute} {begin.hour} * * *", "Report", arguments={"title": "sales"}), since=begin)
    missed = await house.start(Scheduler, plan, id="missed")
    paused = await house.start(Scheduler, Plan(plan.schedule, since=begin, paused=True), id="paused")
    instance = house.client.get(Scheduler, id="paused")

    await instance.resume()
    current = await instance.current()
    for one in ("missed", "paused"):
        await house.client.get(Scheduler, id=one).stop()

    assert (await missed.result(DEADLINE), await paused.result(DEADLINE)) == (3, 0)
    assert current.since is not None
    assert current.since > begin + timedelta(days=2)


def test_a_change_that_comes_in_the_very_turn_in_which_a_run_ends_is_not_lost() -> None:
    driver = Driver(Scheduler)
    driver.start(plan=Plan(NIGHTLY, since=SUNDAY, steps=1))
    [timer] = driver.store.timers.values()

    driver.turn(driver.envelope(Call("pause", CODEC.dump({}), ClientCaller("client", "pause"))), timers=[timer])

    assert driver.live.begun.run == driver.run
    plan = CODEC.load(driver.live.begun.arguments)["plan"]
    assert (plan["starts"], plan["paused"]) == (1, True)


@pytest.mark.parametrize("schedule", ["0 3 * * MOO", "0 3 30 2 *", "nonsense"])
def test_an_expression_that_never_comes_is_refused(schedule: str) -> None:
    with pytest.raises(BadSchedule, match="in 'UTC'"):
        Schedule(schedule, "Report")


def test_a_time_zone_that_does_not_exist_is_refused() -> None:
    with pytest.raises(BadSchedule, match="Nowhere"):
        Schedule("0 3 * * *", "Report", zone="Nowhere")
