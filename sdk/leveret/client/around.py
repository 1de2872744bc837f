"""The calls of a client's interceptors, the first one outermost."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Literal, TypeVar

from leveret.calls import CancelCall, MethodCall, SignalCall, Target, VerbCall
from leveret.interceptors.client import (
    CallRequest,
    CancelRequest,
    ClientInterceptor,
    PageRequest,
    Proceed,
    QueryRequest,
    ResultRequest,
    ServiceCall,
    SignalRequest,
    StartCall,
    StartRequest,
    TaskRequest,
    VerbRequest,
)
from leveret_broker.errors import ConfigurationError

C = TypeVar("C", StartCall, ServiceCall, SignalCall, MethodCall, CancelCall, VerbCall)
D = TypeVar("D")


class Around:
    """What everything that a client does goes through."""

    def __init__(self, interceptors: Sequence[ClientInterceptor] = ()) -> None:
        """Call these, and nothing where there are none; raises `ConfigurationError` for anything else."""
        for one in interceptors:
            if not isinstance(one, ClientInterceptor):
                raise ConfigurationError(f"{one!r} is not an interceptor of clients: derive it from ClientInterceptor")
        self._interceptors = tuple(reversed(interceptors))

    async def start(self, call: StartCall, act: Callable[[StartCall], Awaitable[Any]], *, waits: bool) -> Any:
        """Start an instance."""
        for one in self._interceptors:
            act = _step(one.start, lambda call, proceed: StartRequest(call, waits, proceed), act)
        return await act(call)

    async def task(self, call: ServiceCall, act: Callable[[ServiceCall], Awaitable[Any]], *, waits: bool) -> Any:
        """Call a task of a service."""
        for one in self._interceptors:
            act = _step(one.call_task, lambda call, proceed: TaskRequest(call, waits, proceed), act)
        return await act(call)

    async def signal(self, call: SignalCall, act: Callable[[SignalCall], Awaitable[Any]]) -> None:
        """Send a signal."""
        for one in self._interceptors:
            act = _step(one.send_signal, SignalRequest, act)
        await act(call)

    async def call(self, call: MethodCall, act: Callable[[MethodCall], Awaitable[Any]], *, waits: bool) -> Any:
        """Call a method."""
        for one in self._interceptors:
            act = _step(one.call_method, lambda call, proceed: CallRequest(call, waits, proceed), act)
        return await act(call)

    async def query(self, call: MethodCall, act: Callable[[MethodCall], Awaitable[Any]]) -> Any:
        """Ask a query."""
        for one in self._interceptors:
            act = _step(one.ask_query, QueryRequest, act)
        return await act(call)

    async def result(self, target: Target, method_id: str, act: Callable[[], Awaitable[Any]]) -> Any:
        """Wait for a result."""
        for one in self._interceptors:
            act = _bare(one.await_result, ResultRequest(target, method_id, act))
        return await act()

    async def cancel(
        self,
        call: CancelCall,
        act: Callable[[CancelCall], Awaitable[Any]],
        *,
        method_id: str = "",
        task_id: str = "",
    ) -> Any:
        """Ask for a cancellation."""
        for one in self._interceptors:
            act = _step(one.request_cancel, lambda call, proceed: CancelRequest(call, method_id, task_id, proceed), act)
        return await act(call)

    async def verb(self, call: VerbCall, act: Callable[[VerbCall], Awaitable[Any]]) -> Any:
        """Use a verb."""
        for one in self._interceptors:
            act = _step(one.use_verb, VerbRequest, act)
        return await act(call)

    async def page(
        self, target: Target, what: Literal["history", "members"], after: int, act: Callable[[], Awaitable[Any]]
    ) -> Any:
        """Read a page."""
        for one in self._interceptors:
            act = _bare(one.read_page, PageRequest(target, what, after, act))
        return await act()


def _step(
    hook: Callable[[D], Awaitable[Any]], make: Callable[[C, Proceed[C]], D], act: Callable[[C], Awaitable[Any]]
) -> Callable[[C], Awaitable[Any]]:
    """Return what runs a hook, which may go on to `act` with something else."""

    def step(call: C) -> Awaitable[Any]:
        def proceed(changed: C | None = None, /) -> Awaitable[Any]:
            if changed is not None and _whom(changed) != _whom(call):
                text = f"an interceptor cannot make {_whom(changed)} of {_whom(call)}: do that beside, if it is meant"
                raise ConfigurationError(text)
            return act(call if changed is None else changed)

        return hook(make(call, proceed))

    return step


def _bare(hook: Callable[[D], Awaitable[Any]], details: D) -> Callable[[], Awaitable[Any]]:
    return lambda: hook(details)


def _whom(call: StartCall | ServiceCall | SignalCall | MethodCall | CancelCall | VerbCall) -> str:
    if isinstance(call, StartCall):
        return f"a start of {call.plan.workflow}"
    if isinstance(call, ServiceCall):
        return f"a call of {call.task.service}.{call.task.name} {call.task_id!r}"
    what = call.verb if isinstance(call, VerbCall) else "a request"
    return f"{what} for {call.target}"
