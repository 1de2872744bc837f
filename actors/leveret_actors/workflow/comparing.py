"""One turn of a replay: what the journal has of it against what the code did."""

from __future__ import annotations

from typing import Any

from leveret_actors.workflow.asking import MAIN
from leveret_actors.workflow.course import Past
from leveret_actors.workflow.instance import Emission, Instance, Stuck
from leveret_actors.workflow.journal import Command, MethodEnded
from leveret_actors.workflow.lines import line_that_waits
from leveret_actors.workflow.operations import PATCHES, Operation
from leveret_actors.workflow.patches import forgotten, without_markers
from leveret_broker.codec import Codec
from leveret_broker.outcome import Failed, Outcome, status_of


def compare(instance: Instance, record: Past, emission: Emission) -> None:
    """Raise `Stuck` where the code did something else than the journal has; it names both, and the nearest line."""
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
        if had is None or did is None or _differs(had, did, instance.codec, strict=strict):
            line = (did is not None and did.line) or line_that_waits(
                _coroutine(instance, MAIN if did is None else did.method)
            )
            wanted = _did(did, emission, strict=strict)
            raise Stuck(
                f"replay of turn {record.number} does not match the journal at its command {index + 1}: the journal "
                f"has {_journalled(had)}, the code {wanted}; nearest line: {line or 'unknown'}"
            )
    _compare_ends(instance, record, emission)


def _coroutine(instance: Instance, identity: str) -> Any:
    method = instance.methods.get(identity)
    return None if method is None else method.coroutine


def _compare_ends(instance: Instance, record: Past, emission: Emission) -> None:
    had_ends, did_ends = _ends(record.completion, record.ended), _ends(emission.outcome, emission.ended)
    if emission.renewal is not None:
        did_ends[MAIN] = "continues as new"
    for identity in (*had_ends, *did_ends):
        had_end, did_end = had_ends.get(identity, "goes on"), did_ends.get(identity, "goes on")
        if had_end != did_end:
            line = line_that_waits(_coroutine(instance, identity))
            name = "the method" if identity == MAIN else f"method {identity}"
            raise Stuck(
                f"replay of turn {record.number} does not match the journal: there {name} {had_end}, in the code it "
                f"{did_end}; nearest line: {line or 'unknown'}"
            )


def _ends(main: Outcome | None, others: tuple[MethodEnded, ...]) -> dict[str, str]:
    """Return how methods ended, by id."""
    ends = {} if main is None else {MAIN: status_of(main)}
    return ends | {end.id: status_of(end.outcome) for end in others}


def _differs(had: Command, did: Operation, codec: Codec, *, strict: bool) -> bool:
    if (had.kind, had.number, had.name) != (did.kind, did.number, did.name):
        return True
    return strict and bool(had.digest) and had.digest != did.command(codec, strict=True).digest


def _journalled(command: Command | None) -> str:
    return "nothing more" if command is None else f"{command.kind} {command.name!r} (number {command.number})"


def _did(operation: Operation | None, emission: Emission, *, strict: bool) -> str:
    if operation is None:
        outcome = emission.outcome
        failed = f": it raised {outcome.failure.type}: {outcome.failure.message}" if isinstance(outcome, Failed) else ""
        return f"asks for nothing more{failed}"
    text = f"asks for {operation.kind} {operation.name!r} (number {operation.number})"
    return f"{text}, perhaps with other arguments" if strict else text
