"""The course of a run: what of its journal counts, once what operators had rewound is left out.

It needs no code, so that it tells of an instance that failed or is blocked.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from leveret_actors.workflow.journal import (
    Applied,
    CancelRequested,
    Child,
    Command,
    CommandEnded,
    Folded,
    MethodEnded,
    Record,
    Rewound,
    TasksRetried,
    TimerFired,
)
from leveret_broker.outcome import Outcome, status_of


@dataclass(frozen=True, slots=True)
class Past:
    """One turn that a replay repeats."""

    number: int
    """Of its record."""
    at: float
    events: list[Applied]
    """All that were applied before the code ran, those of records that did not run among them."""
    commands: tuple[Command, ...]
    completion: Outcome | None
    withdrawn: tuple[int, ...]
    ended: tuple[MethodEnded, ...] = ()
    folded: Folded | None = None
    """The turn is several, which are not repeated: what they left is set."""


@dataclass(frozen=True, slots=True)
class Course:
    """What counts: turns to repeat, and events that no code has run yet."""

    turns: list[Past]
    unrun: list[Applied]

    @property
    def end(self) -> int:
        """The number of the turn in which the method ended last; 0 if it did not."""
        return next((turn.number for turn in reversed(self.turns) if turn.completion is not None), 0)


@dataclass(slots=True)
class Line:
    """One command, as far as the journal tells."""

    number: int
    kind: str
    name: str
    issued: int
    """The turn that asked for it."""
    since: float
    child: Child | None = None
    status: str = "ongoing"
    ended: int = 0
    """The turn in which its end was applied; 0: not yet by any."""
    sequence: int = 0
    outcome: Outcome | None = None


@dataclass(slots=True)
class _Making:
    turns: list[Past] = field(default_factory=list[Past])
    unrun: list[Applied] = field(default_factory=list["Applied"])


def course_of(records: Iterable[Record], *, rewinds: bool = True) -> Course:
    """Return what counts of a journal.

    A rewind takes the turns from its record on back: their commands and their end are void, their events are applied
    anew, without the outcomes of the tasks that are retried, in the turn that runs next. Folded turns have no events
    any more: what their methods left is set then. Without `rewinds` nothing is taken back: that is what has happened.
    """
    made = _Making()
    for record in records:
        for event in record.events:
            if rewinds and isinstance(event, Rewound):
                _rewind(made, event)
            else:
                made.unrun.append(event)
        if record.ran:
            made.turns.append(
                Past(
                    record.number,
                    record.at,
                    made.unrun,
                    record.commands,
                    record.completion,
                    record.withdrawn,
                    record.ended,
                    record.folded,
                )
            )
            made.unrun = []
    return Course(made.turns, made.unrun)


def _rewind(made: _Making, rewound: Rewound) -> None:
    void = [turn for turn in made.turns if turn.number >= rewound.record]
    del made.turns[len(made.turns) - len(void) :]
    carried = [event for turn in void for event in (turn.events if turn.folded is None else [turn.folded])] + made.unrun
    before = [event for event in carried if isinstance(event, Rewound)]
    others = [event for event in carried if not isinstance(event, Rewound) and not ends_one_of(event, rewound.numbers)]
    made.unrun = [*before, rewound, *others]


def ends_one_of(event: Applied, numbers: Iterable[int]) -> bool:
    """Tell whether an event ends one of these commands."""
    return isinstance(event, CommandEnded | TimerFired | CancelRequested) and event.number in numbers


def lines_of(course: Course) -> dict[int, Line]:
    """Return the commands by number, with what became of them."""
    lines: dict[int, Line] = {}
    for turn in course.turns:
        for event in turn.events:
            _follow(lines, event, turn.number)
        for command in turn.commands:
            number = command.number
            if number:  # markers have none
                lines[number] = Line(number, command.kind, command.name, turn.number, turn.at, command.child)
        for number in turn.withdrawn:
            if number in lines and lines[number].status == "ongoing":
                lines[number].status, lines[number].ended = "cancelled", turn.number
    for event in course.unrun:
        _follow(lines, event, 0)
    return lines


def _follow(lines: dict[int, Line], event: Applied, turn: int) -> None:
    for line in _meant(lines, event):
        if isinstance(event, TasksRetried | Rewound):
            line.status, line.ended, line.outcome = "ongoing", 0, None
            line.sequence += 1
        elif line.status != "ongoing":
            continue
        elif isinstance(event, CommandEnded):
            if event.sequence == line.sequence:
                line.status, line.ended, line.outcome = status_of(event.outcome), turn, event.outcome
        elif isinstance(event, TimerFired):
            line.status, line.ended = "completed" if line.kind == "timer" else "timed_out", turn
        else:
            line.status, line.ended = "cancelled", turn


def _meant(lines: dict[int, Line], event: Applied) -> Iterator[Line]:
    numbers: tuple[int, ...] = ()
    if isinstance(event, TasksRetried | Rewound):
        numbers = event.numbers
    elif isinstance(event, CommandEnded | TimerFired | CancelRequested):
        numbers = (event.number,)
    return (lines[number] for number in numbers if number in lines)
