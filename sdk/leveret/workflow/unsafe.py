"""The way out of the guards, for those who know that a replay will do the same."""

from __future__ import annotations

from contextlib import AbstractContextManager

from leveret.runtime import unguarded


def unsafe() -> AbstractContextManager[None]:
    """Lift the guards in this block: `with workflow.unsafe(): rates = json.loads(PATH.read_text())`.

    Nothing is journalled: a replay runs the block again and must get the same. For what may change there is
    `workflow.inline()`.
    """
    return unguarded()
