"""From the journal back to a live instance: the same turns, and a comparison of what the code asks for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from leveret.definition import WorkflowDefinition
from leveret_actors.store.contract import ActorRecord
from leveret_actors.workflow import journal, state
from leveret_actors.workflow.applying import take_turn
from leveret_actors.workflow.asking import MAIN
from leveret_actors.workflow.course import Past, course_of
from leveret_actors.workflow.instance import Emission, Instance, Stuck
from leveret_actors.workflow.journal import Command, MethodEnded, Record
from leveret_actors.workflow.lines import line_that_waits
from leveret_actors.workflow.live import Live, Seen
from leveret_actors.workflow.operations import PATCHES, Operation
from leveret_actors.workflow.outcomes import status_of
from leveret_actors.workflow.patches import forgotten, without_markers
from leveret_broker.outcome import Failed, Outcome


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
            live.end_method(end)
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
        try:
            emission = take_turn(instance, turn.at, turn.events, turn.commands)
        except Stuck as stuck:
            raise Stuck(f"replay of turn {turn.number}: {stuck}") from stuck
        _compare(instance, turn, emission)


def _compare(instance: Instance, record: Past, emission: Emission) -> None:
    strict = instance.definition.check == "strict"
    marker = forgotten(record.commands, emission.issued)
    if marker is not None:
        raise Stuck(
            f"replay of turn {record.number} does not match the journal: it has the marker of patch {marker.name!r}, "
            f"which the code does not ask for there: keep workflow.patched({marker.name!r}), or "
            f"workflow.deprecate_patch({marker.name!r}), until every run that has it is closed; nearest line: "
            f"{line_that_waits(instance.methods.main.coroutine) or 'unknown'}"
        )
    commands = without_markers(record.commands)
    issued = [operation for operation in emission.issued if operation.kind not in PATCHES]
    for index in range(max(len(commands), len(issued))):
        had = commands[index] if index < len(commands) else None
        did = issued[index] if index < len(issued) else None
        if had is None or did is None or _differs(had, did, strict=strict):
            line = did.line if did is not None else line_that_waits(instance.methods.main.coroutine)
            wanted = _did(did, emission, strict=strict)
            raise Stuck(
                f"replay of turn {record.number} does not match the journal at its command {index + 1}: the journal "
                f"has {_journalled(had)}, the code {wanted}; nearest line: {line or 'unknown'}"
            )
    had_ends, did_ends = _ends(record.completion, record.ended), _ends(emission.outcome, emission.ended)
    for identity in (*had_ends, *did_ends):
        had_end, did_end = had_ends.get(identity, "goes on"), did_ends.get(identity, "goes on")
        if had_end != did_end:
            method = instance.methods.get(identity)
            line = line_that_waits(None if method is None else method.coroutine)
            name = "the method" if identity == MAIN else f"method {identity}"
            raise Stuck(
                f"replay of turn {record.number} does not match the journal: there {name} {had_end}, in the code it "
                f"{did_end}; nearest line: {line or 'unknown'}"
            )


def _ends(main: Outcome | None, others: tuple[MethodEnded, ...]) -> dict[str, str]:
    """Return how methods ended, by id."""
    ends = {} if main is None else {MAIN: status_of(main)}
    return ends | {end.id: status_of(end.outcome) for end in others}


def _differs(had: Command, did: Operation, *, strict: bool) -> bool:
    if (had.kind, had.number, had.name) != (did.kind, did.number, did.name):
        return True
    return strict and bool(had.digest) and had.digest != did.command(strict=True).digest


def _journalled(command: Command | None) -> str:
    return "nothing more" if command is None else f"{command.kind} {command.name!r} (number {command.number})"


def _did(operation: Operation | None, emission: Emission, *, strict: bool) -> str:
    if operation is None:
        outcome = emission.outcome
        failed = f": it raised {outcome.failure.type}: {outcome.failure.message}" if isinstance(outcome, Failed) else ""
        return f"asks for nothing more{failed}"
    text = f"asks for {operation.kind} {operation.name!r} (number {operation.number})"
    return f"{text}, perhaps with other arguments" if strict else text
