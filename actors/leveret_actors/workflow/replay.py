"""From the journal back to a live instance: the same turns, and a comparison of what the code asks for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from leveret.definition import WorkflowDefinition
from leveret_actors.store.contract import ActorRecord
from leveret_actors.workflow import journal, state
from leveret_actors.workflow.applying import take_turn
from leveret_actors.workflow.comparing import compare
from leveret_actors.workflow.course import Past, course_of
from leveret_actors.workflow.instance import Instance, Stuck
from leveret_actors.workflow.journal import Record
from leveret_actors.workflow.live import Live, Seen
from leveret_actors.workflow.unfolding import unfold


def load(record: ActorRecord, seen: Seen) -> tuple[Live, list[Record]]:
    """Return what the engine knows of an instance, code aside, and its journal; raises `DecodeError`."""
    live = Live(state.decode(record.state), seen)
    records: list[Record] = []
    if not live.state.is_closed:
        records = [journal.decode(data) for data in record.journal]
    for item in records:
        live.journal(item)
        if item.completion is not None:
            live.waiters.clear()
        for end in item.ended:
            live.end_method(end, item.number)
    live.unrun = course_of(records).unrun
    return live, records


def definition_for(definitions: Mapping[int, WorkflowDefinition], wanted: int) -> WorkflowDefinition:
    """Return the code of a version, 0 being the highest; raises `Stuck` where there is none."""
    if not wanted and definitions:
        wanted = max(definitions)
    definition = definitions.get(wanted)
    if definition is None:
        there = ", ".join(str(version) for version in sorted(definitions)) or "none"
        raise Stuck(f"this node does not have version {wanted} of the code (it has {there}): run a node that has it")
    return definition


def revive(instance: Instance, turns: Iterable[Past]) -> None:
    """Repeat the turns of a journal; raises `Stuck` at the first that the code does not repeat."""
    for turn in turns:
        if turn.folded is not None:
            unfold(instance, turn.number, turn.at, turn.folded)
            continue
        try:
            emission = take_turn(instance, turn.at, turn.events, turn.commands)
        except Stuck as stuck:
            raise Stuck(f"replay of turn {turn.number}: {stuck}") from stuck
        compare(instance, turn, emission)
        instance.tail.follow(turn)
