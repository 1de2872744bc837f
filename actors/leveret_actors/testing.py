"""What tests of workflows are written with."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from leveret import workflow
from leveret_actors.workflow import journal
from leveret_actors.workflow.course import course_of
from leveret_actors.workflow.house import EngineSettings, House
from leveret_actors.workflow.instance import Stuck
from leveret_actors.workflow.live import Live
from leveret_actors.workflow.replay import revive
from leveret_actors.workflow.state import RUNNING, State
from leveret_broker.codec import Codec
from leveret_broker.errors import LeveretError


class ReplayMismatch(LeveretError):
    """Raised when code does not repeat a journal; the text names the turn, both sides, and the line of user code."""


def replay(workflow_class: type[Any], records: Iterable[bytes], *, codec: Codec | None = None) -> int:
    """Run a journal against today's code and return how many turns it repeated: those that count, see `course_of`.

    `records` is what `Client.history` yields. Nothing is sent and nothing is stored.
    Raises `ReplayMismatch`, and `DecodeError` for what is not a journal.
    """
    definition = workflow.definition_of(workflow_class)
    house = House(definition.name, {definition.version: definition}, codec or Codec(), EngineSettings())
    turns = [journal.decode(record) for record in records]
    live = Live(State(definition.name, "", RUNNING, 0.0, 0.0, version=definition.version), house.seen())
    for turn in turns:
        live.journal(turn)
    if live.begun is None:
        text = "this journal has no start"
        raise ReplayMismatch(text)
    course = course_of(turns)
    instance = house.instance("replay", live)
    try:
        revive(instance, course.turns)
    except Stuck as stuck:
        raise ReplayMismatch(str(stuck)) from None
    finally:
        instance.close()
    return len(course.turns)
