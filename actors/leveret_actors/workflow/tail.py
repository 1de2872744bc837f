"""The turns at a journal's end that one record may stand for.

Such are turns in which only methods ran that were called in one of them, from a moment at which nothing in the workflow
object can be changed in place to another one, at which none of these methods goes on and nothing of theirs is open.
What they leave is the attributes of the object, which numbers were given away, and nothing else.

Each turn costs a look at what ran, what came and the attributes, whatever the length of the journal.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final, Protocol

from leveret_actors.workflow.attributes import can_change
from leveret_actors.workflow.journal import (
    Applied,
    Called,
    Command,
    CommandEnded,
    Folded,
    MethodEnded,
    ResultAwaited,
    TimerFired,
)
from leveret_actors.workflow.loop import WorkflowLoop
from leveret_actors.workflow.operations import PATCHES, RECEIVE, TAGGING, Operations
from leveret_actors.workflow.patches import Patches

PATIENCE: Final = 1000
"""Turns after which methods that go on count as some that stay, like the main one."""
_LASTING: Final = PATCHES | TAGGING | {RECEIVE}
"""Kinds of commands that change more than what the method that asked has."""


class Code(Protocol):
    """What is looked at of an instance."""

    loop: WorkflowLoop
    operations: Operations
    patches: Patches
    claimed: dict[tuple[str, str], str]
    drew: bool

    def attributes(self) -> dict[str, object] | None:
        """Return what the workflow object has."""
        ...


class Turned(Protocol):
    """What is looked at of a turn."""

    @property
    def number(self) -> int: ...  # noqa: D102 - as the record has it
    @property
    def at(self) -> float: ...  # noqa: D102
    @property
    def events(self) -> Sequence[Applied]: ...  # noqa: D102
    @property
    def commands(self) -> Sequence[Command]: ...  # noqa: D102
    @property
    def ended(self) -> Sequence[MethodEnded]: ...  # noqa: D102


class Tail:
    """Follows an instance turn by turn, live as well as in a replay, and so knows the same of it."""

    def __init__(self, code: Code) -> None:
        """Begin before the first turn."""
        self._code = code
        self._number = 0
        self._known: dict[str, object] = {}
        self._begin(0.0)

    def _begin(self, at: float) -> None:
        """Begin after this turn: what is open stays out of it."""
        self.before = self._attributes()
        """What the object had when the tail began; None where a tail cannot begin."""
        self.records = 0
        """How many the journal has of it."""
        self.turns = 0
        self.since = at
        self.calls = Counter[str]()
        self.digests = 0
        """Messages that came in it."""
        self.ended = 0
        """Methods that ended in it, as far as their outcomes are kept."""
        self.first_command = self._code.operations.last + 1
        self._asked, self._claimed = self._code.patches.asked, len(self._code.claimed)
        self.weight: tuple[int, int] = (0, 0)
        """Entries and bytes of the journal without it; set by who knows them."""
        self._rest()

    def _rest(self) -> None:
        """Note a moment at which nothing of the tail goes on."""
        self._open_turns = 0
        self._fresh: set[str] = set()
        self._created, self._commands = self._code.loop.created, self._code.operations.last

    @property
    def is_whole(self) -> bool:
        """Tell whether one record may stand for it now."""
        return self.before is not None and self.records > 0 and not self._open_turns

    def follow(self, turn: Turned) -> None:
        """Look at a turn that the code has just taken."""
        follows, self._number = turn.number == self._number + 1, turn.number
        self._fresh.update(event.id for event in turn.events if isinstance(event, Called))
        if self.before is None or not follows or not self._is_clean(turn):
            self._begin(turn.at)
            return
        if not self.records:
            self.since = turn.at
        self.records += 1
        self.turns += 1
        self.ended += len(turn.ended)
        for event in turn.events:
            self.digests += not isinstance(event, TimerFired)
            if isinstance(event, Called):
                self.calls[event.method] += 1
        if not self._goes_on():
            self.settle()
            return
        self._open_turns += 1
        if self._open_turns > PATIENCE:
            self._begin(turn.at)

    def adopt(self, number: int, folded: Folded) -> None:
        """Take a fold in, before it is applied: the tail may begin with it."""
        if self.before is None or self.records or number - folded.turns != self._number:
            self._begin(folded.since)
        self._number = number
        self.since = folded.since
        self.take(folded)

    def settle(self) -> None:
        """Take note of the attributes, now that nothing of the tail goes on."""
        if self._attributes() is None:
            self._begin(self.since)
        else:
            self._rest()

    def take(self, folded: Folded) -> None:
        """Be this fold from now on, and what follows it."""
        self.records, self.turns = 1, folded.turns
        self.calls = Counter(folded.calls)
        self.digests, self.ended = len(folded.remembered), len(folded.kept)

    def _attributes(self) -> dict[str, object] | None:
        found = self._code.attributes()
        if found is None or can_change(found, self._known):
            return None
        if len(self._known) > len(found):
            self._known = dict(found)
        return found

    def _is_clean(self, turn: Turned) -> bool:
        """Tell whether the turn changed nothing but attributes, and nothing that methods of the tail have."""
        code = self._code
        return (
            code.loop.stepped <= self._fresh
            and not code.drew
            and code.patches.asked == self._asked
            and len(code.claimed) == self._claimed
            and all(self._is_own(event) for event in turn.events)
            and not any(command.kind in _LASTING for command in turn.commands)
        )

    def _is_own(self, event: Applied) -> bool:
        if isinstance(event, CommandEnded | TimerFired):
            return event.number > self._commands
        if isinstance(event, ResultAwaited):
            return event.method in self._fresh
        return isinstance(event, Called)

    def _goes_on(self) -> bool:
        """Tell whether a task or a command of the tail is open."""
        code = self._code
        if code.loop.has_open_task(self._created):
            return True
        pending = code.operations.pending
        return any(number in pending for number in range(self._commands + 1, code.operations.last + 1))
