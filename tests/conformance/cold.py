"""A journal on a cold actor: it must come out as it went in, the results included."""

from __future__ import annotations

from typing import Any

from leveret.interceptors import WorkflowInterceptor
from leveret.workflow import definition_of
from leveret_actors.testing import replay
from leveret_actors.workflow import journal
from leveret_actors.workflow.applying import take_turn
from leveret_actors.workflow.course import course_of
from leveret_actors.workflow.house import EngineSettings, House
from leveret_actors.workflow.journal import Record
from leveret_actors.workflow.live import Live
from leveret_actors.workflow.state import RUNNING, State
from leveret_actors.workflow.unfolding import unfold
from leveret_broker.codec import Codec


def assert_it_repeats(
    workflow: type[Any], instance: str, records: list[bytes], interceptors: tuple[WorkflowInterceptor, ...] = ()
) -> None:
    """Replay as users do; then once more, and compare what `replay` leaves out: values and failures, not just kinds."""
    turns = [journal.decode(record) for record in records]
    course = course_of(turns)
    assert replay(workflow, records, interceptors=interceptors).turns == len(course.turns)
    ended = [turn.completion for turn in course.turns if turn.completion is not None]
    assert outcomes(workflow, instance, turns, interceptors) == ended


def outcomes(
    workflow: type[Any], instance: str, turns: list[Record], interceptors: tuple[WorkflowInterceptor, ...] = ()
) -> list[object]:
    definition = definition_of(workflow)
    house = House(definition.name, {definition.version: definition}, Codec(), EngineSettings(), None, interceptors)
    live = Live(State(definition.name, "", RUNNING, 0.0, 0.0, version=definition.version), house.seen())
    for turn in turns:
        live.journal(turn)
    code = house.instance(instance, live)
    found: list[object] = []
    try:
        for past in course_of(turns).turns:
            if past.folded is not None:
                unfold(code, past.number, past.at, past.folded)
                continue
            emission = take_turn(code, past.at, past.events, past.commands)
            found += [] if emission.outcome is None else [emission.outcome]
    finally:
        code.close()
    return found
