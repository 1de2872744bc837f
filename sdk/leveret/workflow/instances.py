"""Other workflows, from inside a workflow: start them as children, signal, call and cancel them."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, TypeVar, Unpack, overload

from leveret.calls import CancelCall, ChildCall, Target
from leveret.deferred import Combinable
from leveret.start_options import ChildOptions, plan_of
from leveret.workflow.defining import definition_of
from leveret.workflow.instance_stub import NamedChild, NamedTarget, NewStub, TargetStub, send, target_of
from leveret_broker.codec import Payload
from leveret_broker.errors import ConfigurationError
from leveret_broker.ids import check_id, check_name

T = TypeVar("T")
_NO_ARGUMENTS = Payload(b"")


@overload
def new(workflow: Callable[..., T], **options: Unpack[ChildOptions]) -> T: ...
@overload
def new(workflow: str, **options: Unpack[ChildOptions]) -> NamedChild: ...


def new(workflow: Any, **options: Unpack[ChildOptions]) -> Any:
    """Return a stub that starts children: `await workflow.new(Payment, tags={"order:1"}).pay(order)`.

    The options are those of `ChildOptions`; a child without an id is called `<run>.<command number>`. A child is
    cancelled when whoever awaits it is, and when its parent is cancelled or times out, unless it is `detached`.

    Raises `ConfigurationError`; awaiting raises `WorkflowFailed`, `WorkflowTimedOut`, `WorkflowCancelled`, and
    `WorkflowAlreadyStarted` where `fail` was asked for.
    """
    detached = bool(options.get("detached", False))
    if isinstance(workflow, str):
        plan = plan_of(check_name("workflow", workflow), ChildOptions, options)
        return NamedChild(ChildCall(plan, "", _NO_ARGUMENTS, detached=detached))
    definition = definition_of(workflow)
    plan = plan_of(definition.name, ChildOptions, options, definition.timeout)
    return NewStub(definition, ChildCall(plan, "", _NO_ARGUMENTS, detached=detached))


@overload
def get(workflow: Callable[..., T], *, id: str) -> T: ...
@overload
def get(workflow: str, *, id: str) -> NamedTarget: ...


def get(workflow: Any, *, id: str) -> Any:  # noqa: A002 - as users say it
    """Return a stub of another instance: `await workflow.get(Loyalty, id="u1").add_bonus(200)`.

    Its methods run beside what runs there; its channels take signals. Awaiting a method raises `WorkflowUnknown` when
    there is no such instance, else as with `new`. For a name it is a `NamedTarget`.
    """
    return _stub(workflow, id=check_id("the instance's id", id))


@overload
def all(workflow: Callable[..., T], *, tag: str) -> T: ...  # noqa: A001 - as clients say it
@overload
def all(workflow: str, *, tag: str) -> NamedTarget: ...  # noqa: A001 - as clients say it


def all(workflow: Any, *, tag: str) -> Any:  # noqa: A001 - as clients say it
    """Return a stub of all instances with a tag: `await workflow.all(Booking, tag="order:1").decisions.send(...)`.

    Methods can be dispatched only: there is no single result to wait for. For a name it is a `NamedTarget`.
    """
    return _stub(workflow, tag=check_id("the tag", tag))


def cancel(target: object, reason: str = "", *, force: bool = False) -> Coroutine[Any, Any, None]:
    """Ask what `get` or `all` returned to cancel: `await workflow.cancel(workflow.get(Payment, id="p1"))`.

    Nothing happens to what is closed or does not exist; with `force` it ends without its code. What was dispatched here
    has a `cancel` of its own.
    """
    if isinstance(target, Combinable):
        raise ConfigurationError(f"{target!r} is a deferred: call its own cancel()")
    return send(CancelCall(target_of(target), reason, force))


def _stub(workflow: Any, **where: str) -> Any:
    if isinstance(workflow, str):
        return NamedTarget(Target(check_name("workflow", workflow), **where))
    definition = definition_of(workflow)
    return TargetStub(definition, Target(definition.name, **where))
