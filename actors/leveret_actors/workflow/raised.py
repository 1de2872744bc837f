"""What code of the user's raised where the engine calls it: predicates, conditions, queries.

Some of it must not get further as it is. `SystemExit` or `KeyboardInterrupt` would end the node, `CancelledError` would
end whoever steps the instance, and futures refuse `StopIteration`.
"""

from __future__ import annotations


def as_exception(error: BaseException, what: str) -> Exception:
    """Return the error itself, or a `RuntimeError` with it as cause where it would end more than its waiter."""
    if isinstance(error, Exception) and not isinstance(error, StopIteration):
        return error
    raised = RuntimeError(f"{what} raised {error!r}")
    raised.__cause__ = error
    return raised
