"""The process: wait for the next time, start, repeat; after some hundred times in a fresh run of the same instance."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from examples.cron.schedule import Schedule
from leveret import workflow


@dataclass(frozen=True)
class Plan:
    """All that a scheduler knows: what one run passes on to the next."""

    schedule: Schedule
    since: datetime | None = None
    """Times up to this one are done with; None: begin now."""
    starts: int = 0
    paused: bool = False
    stopped: bool = False
    steps: int = 500
    """Starts and changes in one run: some four entries of its journal each."""


@workflow.define
class Scheduler:
    """One instance a schedule. Times that passed while no node was up are made up for; those of a pause are not."""

    plan: Plan

    async def run(self, plan: Plan) -> int:
        """Start what the plan says until it is stopped; the result is how often that was."""
        self.plan = plan
        for _ in range(plan.steps):
            plan = self.plan
            if plan.stopped:
                return plan.starts
            changed = self._another_than(plan)
            if plan.paused:
                await changed
                continue
            due = plan.schedule.after(plan.since or workflow.now())
            won = await workflow.first(due=workflow.timer(due), changed=changed)
            if won.name == "due":
                self._start(due)
        return workflow.continue_as_new(self.plan)

    def _another_than(self, plan: Plan) -> workflow.Deferred[None]:
        return workflow.wait_for(lambda: self.plan is not plan)

    def _start(self, due: datetime) -> None:
        """Start one, under an id that tells the time, so that there is one of each; nobody waits for it."""
        me, schedule = workflow.info(), self.plan.schedule
        self.plan = replace(self.plan, since=due, starts=self.plan.starts + 1)
        child = workflow.new(schedule.workflow, id=f"{me.id}-{due:%Y-%m-%dT%H:%M:%S}", tags=me.tags, detached=True)
        child.dispatch(schedule.method, schedule.arguments)

    async def change(self, schedule: Schedule) -> None:
        self.plan = replace(self.plan, schedule=schedule, since=self._from_now())

    async def pause(self) -> None:
        self.plan = replace(self.plan, paused=True)

    async def resume(self) -> None:
        self.plan = replace(self.plan, paused=False, since=self._from_now())

    async def stop(self) -> None:
        self.plan = replace(self.plan, stopped=True)

    @workflow.query
    def current(self) -> Plan:
        return self.plan

    def _from_now(self) -> datetime:
        return max(self.plan.since or workflow.now(), workflow.now())
