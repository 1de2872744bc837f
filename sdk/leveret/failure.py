"""Failures: exceptions to data, and outcomes to exceptions."""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from typing import Any, Final, Literal, TypeAlias, TypeVar

import msgspec

from leveret import errors
from leveret_broker.codec import Codec, Payload
from leveret_broker.errors import PayloadError
from leveret_broker.outcome import Cancelled, Completed, Failed, Failure, Outcome, TimedOut, Unknown

Kind: TypeAlias = Literal["task", "workflow"]
"""What ended."""

E = TypeVar("E", bound=BaseException)

_CARRIED: Final = "__leveret_failure__"
_PLAIN: Final = Codec()

TRACEBACK_LIMIT: Final = 32 * 1024
"""Characters that are kept of a traceback: its end."""
MESSAGE_LIMIT: Final = 32 * 1024
CHAIN_LIMIT: Final = 20
"""Causes that are kept."""
UNPUBLISHED: Final[dict[str, Any]] = {"traceback": "", "attributes": None}
"""What events leave out of a failure: tracebacks of kilobytes, and the user's data."""


def failure_of(error: BaseException, codec: Codec | None = None, where: Mapping[str, str] | None = None) -> Failure:
    """Return an exception as data; never raises, whatever the exception's own methods do.

    With a codec, the public instance attributes that it can encode are kept. `where` names what failed.
    """
    return _failure(error, codec or _PLAIN, dict(where or {}), [])


def carry(error: E, failure: Failure, codec: Codec) -> E:
    """Have `failure_of` return what another process, which has no payload codec, said of an exception."""
    setattr(error, _CARRIED, sealed(failure, codec))
    return error


def attributes_of(failure: Failure, codec: Codec | None = None) -> dict[str, Any]:
    """Return the attributes of the user's exception, as plain data."""
    if failure.attributes is None:
        return {}
    found: dict[str, Any] = (codec or _PLAIN).load(failure.attributes, dict[str, Any])
    return found


def sealed(failure: Failure, codec: Codec) -> Failure:
    """Return a failure whose text and attributes, and those of its causes, are wrapped as other user data is.

    It never raises; what cannot be wrapped is left out.
    """
    if not codec.wraps:
        return failure
    cause = None if failure.cause is None else sealed(failure.cause, codec)
    if failure.sealed is not None:
        return msgspec.structs.replace(failure, cause=cause)
    said = failure.message, failure.traceback
    attributes, payload, text = failure.attributes, None, ""
    try:
        if attributes is not None and not attributes[0]:
            attributes = codec.dump(codec.load(attributes))
        payload = codec.dump(said)
        text = f"(encoded by payload codec {payload[0]})"
    except PayloadError as error:
        attributes, text = None, f"(its text is left out: {error})"
    if payload is not None and not payload[0]:  # the codec left it as it is
        return msgspec.structs.replace(failure, attributes=attributes, cause=cause)
    return msgspec.structs.replace(
        failure, message=text, traceback="", attributes=attributes, cause=cause, sealed=payload
    )


def opened(failure: Failure, codec: Codec) -> Failure:
    """Return a failure with its text and attributes, and those of its causes, as plain; raises `PayloadLocked`."""
    cause = None if failure.cause is None else opened(failure.cause, codec)
    attributes = failure.attributes
    if attributes is not None and attributes[0]:
        attributes = codec.unwrap(attributes)
    message, trace = failure.message, failure.traceback
    if failure.sealed is not None:
        message, trace = codec.load(failure.sealed, tuple[str, str])
    elif attributes is failure.attributes and cause is failure.cause:
        return failure
    return msgspec.structs.replace(
        failure, message=message, traceback=trace, attributes=attributes, cause=cause, sealed=None
    )


def as_readable(failure: Failure, codec: Codec) -> Failure:
    """Return a failure with its text, or as it is where this process cannot read that."""
    try:
        return opened(failure, codec)
    except PayloadError:
        return failure


def readable(outcome: Outcome, codec: Codec) -> Outcome:
    """Return an outcome with what its failure says, as far as this process can read that."""
    return Failed(as_readable(outcome.failure, codec)) if isinstance(outcome, Failed) else outcome


def to_exception(outcome: Outcome, kind: Kind) -> errors.DeferredError:
    """Return what the waiting side raises for an outcome; equal outcomes give equal texts.

    A failure is told as it is here: `opened` or `readable` come first.
    """
    task = kind == "task"
    match outcome:
        case Failed(failure):
            text = f"{_subject(kind, failure.where)} failed: {failure.type}: {failure.message}"
            return (errors.TaskFailed if task else errors.WorkflowFailed)(text, failure)
        case TimedOut(seconds, where):
            text = f"{_subject(kind, where)} timed out after {seconds:g} s"
            return (errors.TaskTimedOut if task else errors.WorkflowTimedOut)(text, where=where)
        case Cancelled(where):
            reason = where.get("reason", "")
            text = f"{_subject(kind, where)} was cancelled{': ' if reason else ''}{reason}"
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


def refused(kind: str, text: str, where: Mapping[str, str]) -> Failure:
    """Return as data that a node cannot serve a request, for a workflow that asked."""
    return Failure("leveret.errors.RequestRefused", text, where={**where, "refused": kind})


def refusal(outcome: Outcome) -> errors.RequestRefused | None:
    """Return what a refused request raises; None for an outcome of something that ran."""
    if not isinstance(outcome, Failed) or "refused" not in outcome.failure.where:
        return None
    return errors.RequestRefused(outcome.failure.where["refused"], outcome.failure.message)


def _failure(error: BaseException, codec: Codec, where: dict[str, str], seen: list[BaseException]) -> Failure:
    seen.append(error)
    carried = getattr(error, "__dict__", {}).get(_CARRIED)
    if isinstance(carried, Failure):
        return msgspec.structs.replace(carried, where=where)
    cause: Failure | None = None
    if isinstance(error, errors.DeferredError):
        cause = sealed(_shortened(error.failure), codec) if error.failure.type else None
        where = {**error.where, **where}
    else:
        below = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
        if below is not None and len(seen) < CHAIN_LIMIT and not any(below is other for other in seen):
            cause = _failure(below, codec, {}, seen)
    failure = Failure(
        type=_type_name(type(error)),
        message=_message(error)[:MESSAGE_LIMIT],
        traceback=_traceback(error)[-TRACEBACK_LIMIT:],
        attributes=_attributes(error, codec),
        cause=cause,
        where=where,
    )
    return sealed(failure, codec)


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


def brief(failure: Failure) -> Failure:
    """Return what is published of a failure."""
    cause = None if failure.cause is None else brief(failure.cause)
    return msgspec.structs.replace(failure, **UNPUBLISHED, cause=cause)


def _utf8(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()


def _attributes(error: BaseException, codec: Codec) -> Payload | None:
    if isinstance(error, errors.DeferredError):
        return None
    kept: dict[str, Any] = {}
    for name, value in list(getattr(error, "__dict__", {}).items()):
        try:
            if not name.startswith("_"):
                codec.check(value)
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
