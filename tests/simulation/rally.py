"""World C: instances that share tags, change them, race for unique ones, and are told everything by tag."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any, Final

from leveret import Client, Handle, workflow
from leveret.errors import RequestTimedOut
from leveret_actors.tag import draft, fan, lookup
from tests.simulation.nodes import NodeWorld

TEAMS: Final = 3
WORDS: Final = ("one", "two", "three")


@workflow.define(name="Rally")
class Rally:
    """Naps until it is woken by tag, changes its tags, and hears a word by each."""

    words = workflow.Channel[str]()

    async def run(self) -> list[str]:
        """Return what was heard, and the tags of the end."""
        await workflow.timer(days=1)
        heard = [await self.words.receive()]
        await workflow.add_tags("late")
        heard.append(await self.words.receive())
        await workflow.remove_tags("all", "unknown")
        heard.append(await self.words.receive())
        return [*heard, *sorted(workflow.info().tags)]


class RallyWorld(NodeWorld):
    """Two starts race for each unique tag; the winners are woken and signalled by tags, in pages of one member."""

    workflow = Rally

    def __init__(self, seed: int, *, echo: bool = False) -> None:
        """Begin without results."""
        super().__init__(seed, echo=echo)
        self.results: dict[int, list[str]] = {}

    def patches(self) -> list[tuple[Any, str, Any]]:
        """Make pages small, so that each fan-out has several, and no tag is looked up as a whole."""
        return [*super().patches(), *((module, "PAGE", 1) for module in (draft, fan, lookup))]

    async def ask(self, client: Client) -> None:
        """Race, wake, and tell."""
        handles = await asyncio.gather(*(self._race(client, team) for team in range(TEAMS)))
        await self._gathered(client, "all", TEAMS)  # who lost has left
        woken = await client.complete_timers(client.all(Rally, tag="all"), timeout=self.most_seconds)
        self.trace.expect(woken.count == TEAMS, f"the tag has told {woken.count} of {TEAMS}")
        await self._tell(client, "all", "one")
        await self._gathered(client, "late", TEAMS)
        await self._tell(client, "late", "two")
        await self._tell(client, "late", "three")
        for team, handle in enumerate(handles):
            self.results[team] = await handle.result()
            self.trace.note(f"result of team {team}: {self.results[team]}")

    async def _race(self, client: Client, team: int) -> Handle[list[str]]:
        """Start two with one unique tag; both are told who it is."""
        one, other = await asyncio.gather(
            *(
                client.dispatch(client.new(Rally, id=f"r{team}{which}", tags={"all"}, unique_tag=f"u{team}").run)
                for which in "ab"
            )
        )
        await one.started()
        await other.started()
        self.trace.expect(one.id == other.id, f"team {team} has started twice: {one.id} and {other.id}")
        return one

    async def _tell(self, client: Client, tag: str, word: str) -> None:
        await client.all(Rally, tag=tag).words.send(word, message_id=f"{tag}-{word}")

    async def _gathered(self, client: Client, tag: str, count: int) -> None:
        """Wait until so many carry a tag; who carries it is asked for again when no answer comes in time."""
        found = -1
        while found != count:
            await asyncio.sleep(0.5)
            with suppress(RequestTimedOut):
                found = len([member async for member in client.members(client.all(Rally, tag=tag))])

    def left(self) -> str:
        """Every team has one instance, which heard each word once and in order; nothing is left of its tags."""
        if self.scribe.excused:
            return ""
        for team in range(TEAMS):
            if team not in self.results:
                return f"team {team} has no result"
            wanted = [*WORDS, "late"]
            if self.results[team] != wanted:
                self.trace.violate(f"the result of team {team} is {self.results[team]}, not {wanted}")
        if (there := len(self.room().shelf(self.queue).actors)) != TEAMS:
            self.trace.violate(f"{there} instances came of {TEAMS} unique tags")
        return self.remains()
