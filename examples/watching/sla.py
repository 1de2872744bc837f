"""A watch over other workflows: who is not done in time is told about, once, also when nodes restart meanwhile.

The listener begins a watch for each run, and lets it go when the run ends. That the watch is a workflow makes its timer
durable; that its id is the run makes an event that comes twice harmless.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Final

from leveret import events, listener, service, workflow
from leveret.client import current_client

SECONDS: Final = float(os.environ.get("SLA_SECONDS", "3600"))
ENDS: Final[list[events.EventType]] = [
    events.WorkflowCompleted,
    events.WorkflowFailed,
    events.WorkflowCancelled,
    events.WorkflowTimedOut,
    events.WorkflowContinued,
]


@service.define(name="Pager")
class Pager:
    """Whoever is to know."""

    def __init__(self, say: Callable[[str], None] = print) -> None:
        self._say = say

    async def tell(self, text: str) -> None:
        self._say(text)


@workflow.define(name="Watch")
class Watch:
    """One for each run that is watched."""

    pager = workflow.service(Pager)
    ended = workflow.Channel[str]()

    async def run(self, who: str, seconds: float) -> str:
        won = await workflow.first(ended=self.ended.receive(), late=workflow.timer(seconds=seconds))
        if won.name == "ended":
            return str(won.value)
        await self.pager.tell(f"{who} takes longer than {seconds:g} s")
        return "late"


@listener(group="sla", workflows="*", except_workflows=[Watch], types=[events.WorkflowDispatched, *ENDS])
async def sla(event: events.WorkflowEvent) -> None:
    """Begin a watch with a run, and end it with the run."""
    client = await current_client()
    if isinstance(event, events.WorkflowDispatched):
        who = f"{event.workflow} {event.instance}"
        await client.dispatch(client.new(Watch, id=event.run).run, who, SECONDS)
    else:
        await client.get(Watch, id=event.run).ended.send(event.type)
