"""Methods beside the main one that failed: which of them can be resumed, and from which turn on.

A rewind takes whole turns back, so it would take back what other methods have done in them. A method is resumed only
where there is nothing of that kind: since its failure was applied no other method has asked for or called off anything,
and none has ended. What has come meanwhile counts, and is applied once more, as with any rewind.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from leveret_actors.workflow import verbs
from leveret_actors.workflow.applying import take_turn
from leveret_actors.workflow.course import Course, Line, Past, lines_of
from leveret_actors.workflow.draft import Draft
from leveret_actors.workflow.instance import Stuck
from leveret_actors.workflow.live import Live
from leveret_actors.workflow.past import records_of
from leveret_actors.workflow.unfolding import unfold
from leveret_broker.envelope import Envelope
from leveret_broker.outcome import Failed


@dataclass(frozen=True, slots=True)
class Fallen:
    """A method that failed."""

    id: str
    name: str
    outcome: Failed
    ended: int
    """The turn in which it ended."""
    record: int
    """The first turn that is void when it is resumed."""
    tasks: frozenset[int] = frozenset()
    """The tasks by which it failed."""

    def __str__(self) -> str:
        """Name it, for operators."""
        return f"method {self.name} ({self.id})"


@dataclass(frozen=True, slots=True)
class Looked:
    """What the journal and a replay of it tell about the failed methods of a running instance."""

    live: Live
    course: Course
    fallen: list[Fallen]
    """By the turn in which they ended."""
    method_of: dict[int, str]
    """Which method asked for a command."""
    why: str = ""
    """Why nothing can be resumed."""

    def by_tasks(self, tasks: Iterable[Line]) -> list[Fallen]:
        """Return the methods that failed by these tasks; void are the turns from the end of the first of those on."""
        found: list[Fallen] = []
        chosen = list(tasks)
        for one in self.fallen:
            named = verbs.named_by(one.outcome)
            causes = [
                line
                for line in chosen
                if verbs.name_of(self.live, line) in named
                or (line.ended == one.ended and self.method_of.get(line.number) == one.id)
            ]
            if causes:
                record = min(line.ended for line in causes)
                numbers = frozenset(line.number for line in causes)
                found.append(Fallen(one.id, one.name, one.outcome, one.ended, record, numbers))
        return found

    def resumable(self, wanted: Iterable[Fallen]) -> list[Fallen]:
        """Return those that can be resumed together: the last ones to fail, as many as possible."""
        if self.why:
            return []
        best: list[Fallen] = []
        chosen: list[Fallen] = []
        for one in sorted(wanted, key=lambda one: (-one.ended, one.id)):
            chosen.append(one)
            if not self.gone_on(chosen):
                best = list(chosen)
        return best

    def gone_on(self, chosen: Iterable[Fallen]) -> int:
        """Return the first turn in which others than these have gone on since; 0 if there is none."""
        listed = list(chosen)
        first, ids = min(one.record for one in listed), {one.id for one in listed}
        return next((turn.number for turn in self.course.turns if turn.number >= first and self._has(turn, ids)), 0)

    def _has(self, turn: Past, ids: set[str]) -> bool:
        asked = {command.number for command in turn.commands if command.number} | set(turn.withdrawn)
        if turn.folded is not None or turn.completion is not None or any(end.id not in ids for end in turn.ended):
            return True
        return any(self.method_of.get(number) not in ids for number in asked)

    def refusal(self, one: Fallen) -> str:
        """Say why a method cannot be resumed, and what helps."""
        why = self.why or f"others have gone on in turn {self.gone_on([one])}, which a rewind would take back"
        return f"{one} failed and cannot be resumed: {why}; call it again"


def look(draft: Draft, live: Live, envelope: Envelope) -> Looked | None:
    """Return what there is to resume in a running instance; None where no method has failed."""
    failed = [
        (key, end, end.outcome) for key, end in live.ended.items() if end.turn and isinstance(end.outcome, Failed)
    ]
    if not failed:
        return None
    draft.remember(records_of(draft, envelope))
    course = draft.course()
    fallen = [Fallen(identity, end.name, outcome, end.turn, end.turn) for identity, end, outcome in failed]
    if not course.turns:
        return Looked(live, course, fallen, {}, "its journal is not at hand")
    try:
        return Looked(live, course, fallen, _askers(draft, live, course))
    except Stuck as stuck:
        return Looked(live, course, fallen, {}, str(stuck))


def _askers(draft: Draft, live: Live, course: Course) -> dict[int, str]:
    """Return which method asked for each command: the journal does not say, so a replay does. Raises `Stuck`."""
    instance = draft.house.instance(draft.actor, live)
    found: dict[int, str] = {}
    try:
        for turn in course.turns:
            if turn.folded is not None:
                unfold(instance, turn.number, turn.at, turn.folded)
                continue
            issued = take_turn(instance, turn.at, turn.events, turn.commands).issued
            found |= {operation.number: operation.method for operation in issued}
    finally:
        instance.close()
    return found


def resume(draft: Draft, looked: Looked, digest: bytes, chosen: list[Fallen], numbers: Iterable[int]) -> str:
    """Rewind to before these methods failed, sending `numbers` again; returns what was done, for operators."""
    record = min(one.record for one in chosen)
    again = verbs.resume(draft, looked.live, digest, record, numbers)
    lines = lines_of(looked.course)
    verbs.exhume(draft, looked.live, [lines[number] for number in again if number in lines])
    names = ", ".join(str(one) for one in sorted(chosen, key=lambda one: one.id))
    return f"resumed {names} before turn {record}"
