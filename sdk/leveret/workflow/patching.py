"""Changing the code of instances that run."""

from __future__ import annotations

from leveret.runtime import current
from leveret_broker.ids import check_id


def patched(patch: str, /) -> bool:
    """Tell whether this run takes the new side of a change: `if workflow.patched("fees-first"): ... else: ...`.

    True for a run that gets here with this code first: its journal notes that. False for one that had passed this point
    before the change was deployed. A run that has asked once gets the same answer for good, wherever it asks.
    Once no run that passed without the change is open, put `deprecate_patch` in its place.
    """
    return current().patched(check_id("the patch's id", patch))


def deprecate_patch(patch: str, /) -> None:
    """Say that all open runs have taken the new side, in place of `patched`; the old side is gone from the code.

    Runs that begin from here on replay without it: once all older ones are closed, take the line out.
    """
    current().patched(check_id("the patch's id", patch), deprecated=True)
