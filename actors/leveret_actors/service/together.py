"""A batch that runs: one function, one slot, one timeout, and an ending for each of its calls."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final, TypeAlias, cast

from loguru import logger

from leveret.service import Call, TaskContext, TaskId
from leveret_actors.service.attempt import Attempt, Ending, Interrupted, Raised, Returned, Together, Why, log_errors

Over: TypeAlias = Callable[[TaskId, Ending], None]
"""Told how a call ended, once for each."""

NAMED: Final = 20
"""Task ids that a message names."""


class ResultMissing(LookupError):
    """Raised for the calls for which the function of a batch returned nothing."""


class Part:
    """One call of a running batch, for whoever wants to stop it."""

    __slots__ = ("_batch", "context")

    def __init__(self, batch: RunningBatch, call: Call[Any]) -> None:
        self._batch = batch
        self.context = call

    def interrupt(self, why: Why, reason: str = "") -> None:
        """End this call of the batch; the others go on."""
        self._batch.interrupt(self.context.task_id, why, reason)


class RunningBatch:
    """Tells apart what becomes of the calls of one batch.

    A call that is stopped is over at once: what the function returns for it does not count. The function itself is
    stopped with the last of its calls, and by its timeout.
    """

    def __init__(self, calls: Mapping[TaskId, Call[Any]], on_over: Over, *, has_results: bool) -> None:
        first = next(iter(calls.values()))
        self.name = f"{first.service}.{first.task}"
        self.whole = TaskContext(task_id=TaskId(""), service=first.service, task=first.task)
        """Stops all the calls when it is stopped."""
        self.whole.on_cancel(self._stop_calls)
        self.parts = {task_id: Part(self, call) for task_id, call in calls.items()}
        self.attempt: Attempt | None = None
        """Set once it runs."""
        self._open = dict(calls)
        self._on_over = on_over
        self._has_results = has_results

    def interrupt(self, task_id: TaskId, why: Why, reason: str = "") -> None:
        """End one call; with the last one the function is stopped as well."""
        call = self._open.pop(task_id, None)
        if call is None:
            return
        log_errors(call, why, partial(call.stop, timed_out=False, reason=reason))
        self._on_over(task_id, Interrupted(why, reason=reason))
        if not self._open and self.attempt is not None:
            self.attempt.interrupt(why, reason)

    def over(self, ending: Ending) -> None:
        """Tell how each call ended that is not over yet."""
        endings = self._endings(ending)
        for task_id in tuple(self._open):
            del self._open[task_id]
            self._on_over(task_id, endings[task_id])

    def _endings(self, ending: Ending) -> dict[TaskId, Ending]:
        if isinstance(ending, Returned):
            try:
                return self._results(ending.value)
            except BaseException as error:  # a mapping of the user's own: an exit would end the loop
                ending = Raised(error)
        if len(self.parts) > 1 and not (isinstance(ending, Interrupted) and ending.why is not Why.TIMED_OUT):
            assert not isinstance(ending, Together)
            ending = Together(ending)
        return dict.fromkeys(self.parts, ending)

    def _results(self, value: Any) -> dict[TaskId, Ending]:
        if not self._has_results:
            return dict.fromkeys(self.parts, Returned(None))
        results = _by_id(value)
        unknown = [task_id for task_id in results if task_id not in self.parts]
        if unknown:
            logger.error("{} returned values for task ids that are not in its batch: {}", self.name, _listing(unknown))
        missing = [task_id for task_id in self.parts if task_id not in results]
        text = f"{self.name} returned {type(value).__name__} without a value for {_listing(missing)}"
        nothing = Raised(ResultMissing(text))
        return {task_id: _ending(results[task_id]) if task_id in results else nothing for task_id in self.parts}

    def _stop_calls(self) -> None:
        why = Why.TIMED_OUT if self.whole.timed_out else Why.STOPPED
        for part in self.parts.values():
            log_errors(part.context, why, partial(part.context.stop, timed_out=self.whole.timed_out))


def _by_id(value: object) -> dict[TaskId, Any]:
    return dict(cast("Mapping[TaskId, Any]", value)) if isinstance(value, Mapping) else {}


def _ending(value: Any) -> Ending:
    return Raised(value) if isinstance(value, BaseException) else Returned(value)


def _listing(ids: list[TaskId]) -> str:
    more = len(ids) - NAMED
    return ", ".join(map(str, ids[:NAMED])) + (f" and {more} more" if more > 0 else "")
