"""Failures: exceptions to data, and outcomes to exceptions."""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from typing import Any, Final, Literal, TypeAlias

import msgspec

from leveret import errors
from leveret_broker.codec import Codec, Payload
from leveret_broker.errors import PayloadError
from leveret_broker.outcome import Cancelled, Completed, Failed, Failure, Outcome, TimedOut, Unknown

Kind: TypeAlias = Literal["task", "workflow"]
"""What ended."""

TRACEBACK_LIMIT: Final = 32 * 1024
"""Characters that are kept of a traceback: its end."""
MESSAGE_LIMIT: Final = 32 * 1024
CHAIN_LIMIT: Final = 20
"""Causes that are kept."""


def failure_of(error: BaseException, codec: Codec | None = None, where: Mapping[str, str] | None = None) -> Failure:
    """Return an exception as data; never raises, whatever the exception's own methods do.

    With a codec, the public instance attributes that it can encode are kept. `where` names what failed.
    """
    return _failure(error, codec or Codec(), dict(where or {}), [])


def attributes_of(failure: Failure, codec: Codec | None = None) -> dict[str, Any]:
    """Return the attributes of the user's exception, as plain data."""
    if failure.attributes is None:
        return {}
    found: dict[str, Any] = (codec or Codec()).load(failure.attributes, dict[str, Any])
    return found


def to_exception(outcome: Outcome, kind: Kind) -> errors.DeferredError:
    """Return what the waiting side raises for an outcome; equal outcomes give equal texts."""
    task = kind == "task"
    match outcome:
        case Failed(failure):
            text = f"{_subject(kind, failure.where)} failed: {failure.type}: {failure.message}"
            return (errors.TaskFailed if task else errors.WorkflowFailed)(text, failure)
        case TimedOut(seconds, where):
            text = f"{_subject(kind, where)} timed out after {seconds:g} s"
            return (errors.TaskTimedOut if task else errors.WorkflowTimedOut)(text, where=where)
        case Cancelled(where):
            text = f"{_subject(kind, where)} was cancelled"
            return (errors.TaskCancelled if task else errors.WorkflowCancelled)(text, where=where)
        case Unknown(where):
            text = f"{_subject('workflow', where)} does not exist (any more)"
            return errors.WorkflowUnknown(text, where=where)
        case Completed():
            text = "a completed outcome is no exception"
            raise ValueError(text)


def already_started(outcome: Outcome) -> errors.WorkflowAlreadyStarted | None:
    """Return what a refused start raises; None for an outcome of something that ran."""
    if not isinstance(outcome, Failed):
        return None
    failure = outcome.failure
    where = failure.where
    if failure.type != "leveret.errors.WorkflowAlreadyStarted" or where.get("reason") != "conflict":
        return None
    return errors.WorkflowAlreadyStarted(where.get("workflow", ""), where.get("instance", ""), where.get("run", ""))


def _failure(error: BaseException, codec: Codec, where: dict[str, str], seen: list[BaseException]) -> Failure:
    seen.append(error)
    cause: Failure | None = None
    if isinstance(error, errors.DeferredError):
        cause = _shortened(error.failure) if error.failure.type else None
        where = {**error.where, **where}
    else:
        below = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
        if below is not None and len(seen) < CHAIN_LIMIT and not any(below is other for other in seen):
            cause = _failure(below, codec, {}, seen)
    return Failure(
        type=_type_name(type(error)),
        message=_message(error)[:MESSAGE_LIMIT],
        traceback=_traceback(error)[-TRACEBACK_LIMIT:],
        attributes=_attributes(error, codec),
        cause=cause,
        where=where,
    )


def _shortened(failure: Failure) -> Failure:
    """Return a chain of causes without its middle when it is long: failures pass through many workflows."""
    chain = [failure]
    while (below := chain[-1].cause) is not None:
        chain.append(below)
    if len(chain) < CHAIN_LIMIT:
        return failure
    kept = chain[: CHAIN_LIMIT // 2] + chain[1 - CHAIN_LIMIT // 2 :]
    shortened = kept[-1]
    for above in reversed(kept[:-1]):
        shortened = msgspec.structs.replace(above, cause=shortened)
    return shortened


def _type_name(kind: type[BaseException]) -> str:
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def _message(error: BaseException) -> str:
    try:
        return _utf8(str(error))
    except Exception as problem:
        return f"<str() of the exception raised {type(problem).__qualname__}>"


def _traceback(error: BaseException) -> str:
    try:
        return _utf8("".join(traceback.format_exception(type(error), error, error.__traceback__, chain=False)))
    except Exception:
        return "".join(traceback.format_tb(error.__traceback__))


def _utf8(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()


def _attributes(error: BaseException, codec: Codec) -> Payload | None:
    if isinstance(error, errors.DeferredError):
        return None
    kept: dict[str, Any] = {}
    for name, value in list(getattr(error, "__dict__", {}).items()):
        try:
            if not name.startswith("_"):
                codec.dump(value)
                kept[name] = value
        except Exception:  # noqa: S112 - what cannot be encoded is left out
            continue
    try:
        return codec.dump(kept) if kept else None
    except PayloadError:
        return None


def _subject(kind: str, where: Mapping[str, str]) -> str:
    if kind == "task":
        name = ".".join(part for part in (where.get("service", ""), where.get("task", "")) if part)
        details = [f"{key} {where[key]}" for key in ("task_id", "attempt", "worker", "reason") if where.get(key)]
        return f"task {name or '?'}" + (f" ({', '.join(details)})" if details else "")
    name = f"workflow {where.get('workflow') or '?'}"
    return f"{name} {where['instance']!r}" if where.get("instance") else name
