"""Markers of changes to the code, in the journal of a run that took their new side.

A marker takes no command number: to leave out the call of a deprecated one shifts nothing.
"""

from __future__ import annotations

from collections.abc import Iterable

from leveret_actors.workflow import operations as ops
from leveret_actors.workflow.journal import Command
from leveret_actors.workflow.operations import Operation, Operations


class Patches:
    """What a run has been told about each patch, once and for good."""

    def __init__(self, operations: Operations) -> None:
        """Begin with nothing asked."""
        self._operations = operations
        self._told: dict[str, bool] = {}
        self._journalled: dict[str, Command] | None = None

    @property
    def taken(self) -> list[str]:
        """The patches whose new side the run has taken, in order."""
        return [patch for patch, answer in self._told.items() if answer]

    @property
    def asked(self) -> int:
        """Return for how many patches the run knows its side."""
        return len(self._told)

    def begin_turn(self, replayed: Iterable[Command] | None) -> None:
        """Take the markers that the journal has in this turn; None for a turn that is new."""
        self._journalled = None
        if replayed is not None:
            self._journalled = {command.name: command for command in replayed if command.kind in ops.PATCHES}

    def ask(self, patch: str, *, deprecated: bool) -> Operation | None:
        """Answer for the first time; returns the marker when the run takes the new side."""
        if self._operations.refused or patch in self._told:
            return None
        kind = ops.DEPRECATED_PATCH if deprecated else ops.PATCH
        if self._journalled is not None:
            marker = self._journalled.get(patch)
            self._told[patch] = marker is not None
            if marker is None:
                return None
            kind = marker.kind
        self._told[patch] = True
        return self._operations.mark(kind, patch)

    def answer(self, patch: str) -> bool:
        """Return what the run has been told."""
        return self._told.get(patch, False)


def without_markers(commands: Iterable[Command]) -> list[Command]:
    """Return the commands that have numbers."""
    return [command for command in commands if command.kind not in ops.PATCHES]


def forgotten(journalled: Iterable[Command], issued: Iterable[Operation]) -> Command | None:
    """Return the first marker of a turn that must be asked for and was not; those of deprecated patches need not."""
    asked = {operation.name for operation in issued if operation.kind in ops.PATCHES}
    for command in journalled:
        if command.kind == ops.PATCH and command.name not in asked:
            return command
    return None
