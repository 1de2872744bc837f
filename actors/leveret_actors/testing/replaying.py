"""Journals against today's code."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any, TypeAlias

from leveret import workflow
from leveret.definition import WorkflowDefinition
from leveret.interceptors import TaskInterceptor, WorkflowInterceptor
from leveret_actors.workflow import journal as journals
from leveret_actors.workflow.course import course_of
from leveret_actors.workflow.exported import Journal, of_records, read
from leveret_actors.workflow.house import EngineSettings, House
from leveret_actors.workflow.instance import Stuck
from leveret_actors.workflow.live import Live
from leveret_actors.workflow.replay import revive
from leveret_actors.workflow.state import RUNNING, State
from leveret_broker.codec import PAYLOAD_LIMIT, Codec, make_codec
from leveret_broker.errors import ConfigurationError, LeveretError
from leveret_broker.payload_codec import PayloadCodecs

Source: TypeAlias = Journal | str | PathLike[str] | Iterable[bytes]
"""An exported file, or what `Client.history` yields."""


class ReplayMismatch(LeveretError):
    """Raised when code does not repeat a journal; the text names the turn, both sides, and the line of user code."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """What came of a replay."""

    workflow: str
    instance: str
    """Empty when it is not known: records alone do not tell."""
    run: str
    version: int
    """Of the code that wrote the journal; 0 when none has run yet."""
    turns: int
    """That count: those that a retry rewound are not repeated."""
    commands: int
    """That the code asked for in those turns."""
    mismatch: str = ""
    """Why the code does not repeat the journal; empty when it does."""


def replay(
    code: type[Any] | Sequence[type[Any]],
    journal: Source,
    *,
    check: bool = True,
    payload_codec: Codec | PayloadCodecs = None,
    interceptors: Iterable[WorkflowInterceptor | TaskInterceptor] = (),
) -> Replayed:
    """Run a journal against today's code, as a node would that takes the instance over. Nothing is sent or stored.

    Arguments:
        code: a workflow class, or several: other versions, other workflows. The journal says which one it needs.
        journal: a file that `leveret history --export` wrote, or the records that `Client.history` yields.
        check: raise what does not match; otherwise the result's `mismatch` has it.
        payload_codec: those of the node that wrote the journal, where it has some.
        interceptors: those of the node; what they did to commands belongs to the journal.

    Raises `ReplayMismatch`, `ConfigurationError` when none of the classes is the journal's workflow, and `DecodeError`
    for what is not a journal.
    """
    definitions = [workflow.definition_of(cls) for cls in ([code] if isinstance(code, type) else code)]
    exported = _journal(journal, definitions)
    versions = {one.version: one for one in definitions if one.name == exported.workflow}
    if not versions:
        given = ", ".join(sorted({one.name for one in definitions})) or "nothing"
        raise ConfigurationError(f"the journal is one of workflow {exported.workflow}; given is the code of {given}")
    around = tuple(one for one in interceptors if isinstance(one, WorkflowInterceptor))
    house = House(
        exported.workflow, versions, make_codec(payload_codec, PAYLOAD_LIMIT), EngineSettings(), interceptors=around
    )
    replayed = _replay(house, exported)
    if check and replayed.mismatch:
        raise ReplayMismatch(replayed.mismatch)
    return replayed


def _journal(source: Source, definitions: Sequence[WorkflowDefinition]) -> Journal:
    if isinstance(source, Journal):
        return source
    if isinstance(source, str | PathLike):
        return read(Path(source))
    names = {one.name for one in definitions}
    if len(names) != 1:
        raise ConfigurationError("records alone do not tell their workflow: give the versions of one workflow only")
    return of_records(names.pop(), "", source)


def _replay(house: House, exported: Journal) -> Replayed:
    records = [journals.decode(record) for record in exported.records]
    live = Live(State(exported.workflow, "", RUNNING, 0.0, 0.0, version=exported.version), house.seen())
    for record in records:
        live.journal(record)
    turns = course_of(records).turns
    mismatch = ""
    if live.begun is None:
        mismatch = "this journal has no start"
    elif exported.version and exported.version not in house.definitions:
        there = ", ".join(str(version) for version in sorted(house.definitions))
        mismatch = f"the journal was written by version {exported.version} of the code; given is version {there}"
    else:
        instance = house.instance(exported.instance or "replay", live)
        try:
            revive(instance, turns)
        except Stuck as stuck:
            mismatch = str(stuck)
        finally:
            instance.close()
    commands = sum(len(turn.commands) for turn in turns)
    return Replayed(
        exported.workflow, exported.instance, exported.run, exported.version, len(turns), commands, mismatch
    )
