"""What workflow code calls: all of it goes through the runtime that steps the workflow."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable, Mapping
from datetime import datetime, timedelta
from inspect import iscoroutinefunction
from random import Random
from typing import Any, ParamSpec, TypeVar, get_type_hints
from uuid import UUID

from leveret.calls import TaskCall
from leveret.contract import Duration, seconds
from leveret.deferred import Deferred, refuse_deferreds
from leveret.errors import ArgumentMismatch
from leveret.labels import checked_meta, checked_priority, checked_tags
from leveret.runtime import Info, Operation, current
from leveret.source import OperationSource, TimerSource
from leveret.stubs import not_dispatched
from leveret.workflow.stub import StubMethod
from leveret_broker.address import NORMAL, Priority
from leveret_broker.ids import check_name

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")


def dispatch(method: Callable[P, Coroutine[Any, Any, R]], *args: P.args, **kwargs: P.kwargs) -> Deferred[R]:
    """Issue a task, a child or a call now and return its future result: `workflow.dispatch(self.hotel.book, cart)`.

    Takes a method of what `service`, `new`, `get` or `all` return. It runs whether the result is awaited or not.
    Raises `ArgumentMismatch` for arguments that do not fit the contract.
    """
    if not isinstance(method, StubMethod):
        raise ArgumentMismatch(not_dispatched(method, "of a stub made by workflow.service, new, get or all"))
    return method.dispatch(args, kwargs)


def task(
    name: str,
    arguments: Mapping[str, Any] | None = None,
    *,
    timeout: Duration | None = None,
    tags: Iterable[str] = (),
    meta: Mapping[str, str] | None = None,
    priority: Priority = NORMAL,
) -> Deferred[Any]:
    """Issue a task by name, without a contract: `workflow.task("Hotel.book", {"cart": cart})`.

    `timeout` (a timedelta or seconds) covers all attempts; `priority` is `high`, `normal` or `low`. The result is plain
    data: mappings, lists, numbers, texts.
    """
    service, dot, function = name.rpartition(".")
    if not dot:
        text = f"task {name!r}: the name is '<Service>.<task>'"
        raise ArgumentMismatch(text)
    refuse_deferreds(name, (arguments or {}).values())
    runtime = current()
    call = TaskCall(
        service=check_name("service", service),
        name=check_name("task", function),
        arguments=runtime.codec.dump(dict(arguments or {})),
        timeout=seconds(f"{name}: timeout", timeout),
        tags=checked_tags(name, tags),
        meta=checked_meta(name, meta),
        priority=checked_priority(name, priority),
    )
    return Deferred(OperationSource(runtime.run_task(call)))


def timer(
    at: datetime | Duration | None = None,
    /,
    *,
    days: float = 0,
    hours: float = 0,
    minutes: float = 0,
    seconds: float = 0,
) -> Deferred[None]:
    """Set a durable timer: for a time (aware), or a time from now on: a timedelta, seconds, or by name.

    One whose time has passed fires in the next turn. Raises `ArgumentMismatch` for a datetime without a zone, and for
    what is no span of time: infinite, `nan`, over 999 999 999 days.
    """
    runtime = current()
    try:
        span = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
        if not isinstance(at, datetime):
            span += at if isinstance(at, timedelta) else timedelta(seconds=at or 0)
    except (OverflowError, TypeError, ValueError) as error:
        text = f"timer(): this is no span of time: {error}"
        raise ArgumentMismatch(text) from error
    if isinstance(at, datetime):
        if at.tzinfo is None or span:
            text = f"timer({at!r}): a datetime must have a time zone, and stands alone"
            raise ArgumentMismatch(text)
        due = at.timestamp()
    else:
        due = runtime.now().timestamp() + span.total_seconds()

    def issue() -> Operation:
        return runtime.set_timer(due)

    return Deferred(TimerSource(issue))


def now() -> datetime:
    """Return the time of this step (aware, UTC), the same on every replay."""
    return current().now()


def uuid() -> UUID:
    """Return a new UUID, the same on every replay."""
    return current().uuid()


def random() -> Random:
    """Return the run's random generator, which gives the same numbers on every replay."""
    return current().random()


def info() -> Info:
    """Return who runs: ids, version, method, tags, meta."""
    return current().info()


def inline(function: Callable[[], T], /) -> T:
    """Run a short function outside of the rules, once: its result is journalled, and a replay gets that.

    The result is rebuilt as the function's return annotation says; plain data without one. Raises `ArgumentMismatch`
    for an async function: what takes long is a task.
    """
    if iscoroutinefunction(function):
        text = f"inline({function.__qualname__}): an async function cannot run inline: make it a task of a service"
        raise ArgumentMismatch(text)
    try:
        kind = get_type_hints(function, include_extras=True).get("return", Any)
    except (NameError, TypeError):
        kind = Any
    return current().inline(function, kind)
