"""A nightly report, which becomes a weekly one: `python -m examples.cron.demo`."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from examples.cron.job import Report
from examples.cron.schedule import BadSchedule, Schedule
from examples.cron.scheduler import Plan, Scheduler
from examples.skipping import skip
from leveret import Client
from leveret_actors import Node

NEW_YEAR = datetime(2040, 1, 1, tzinfo=UTC)  # a Sunday


async def main(url: str = "memory://cron") -> list[str]:
    said: list[str] = []
    async with Node(url, workflows=[Scheduler, Report]), Client(url) as client:
        nightly = Schedule("0 3 * * *", "Report", arguments={"title": "sales"})
        plan = Plan(nightly, since=NEW_YEAR, steps=3)  # in a new run after three steps
        handle = await client.dispatch(client.new(Scheduler, id="sales", tags={"reports"}).run, plan)
        scheduler = client.get(Scheduler, id="sales")

        for _ in range(3):
            await skip(client, scheduler)  # the night is over
        try:
            await scheduler.change(Schedule("0 3 * * MOO", "Report"))
        except BadSchedule as error:
            said.append(f"refused: {error}")
        await scheduler.change(Schedule("0 3 * * MON", "Report", arguments={"title": "sales of the week"}))
        await skip(client, scheduler)
        await scheduler.pause()
        said.append(f"paused: {(await scheduler.current()).paused}")
        await scheduler.resume()
        await skip(client, scheduler)
        await scheduler.stop()

        said.append(f"started {await handle.result()}")
        for number in (1, 2, 3, 9, 16):
            instance = f"sales-2040-01-{number:02}T03:00:00"
            said.append(f"{instance}: {await client.get('Report', id=instance).result()}")
    return said


if __name__ == "__main__":
    print(*asyncio.run(main()), sep="\n")
