"""One method of an instance: its task, how it is cancelled, and how it ended."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Protocol

from leveret.definition import WorkflowDefinition
from leveret.failure import failure_of
from leveret.interceptors import WorkflowInterceptor
from leveret.runtime import ContinueAsNew, Info
from leveret.signature import spell
from leveret_actors.workflow.asking import MAIN, asking_as
from leveret_actors.workflow.intercepting import method_run
from leveret_actors.workflow.loop import LoopTask, WorkflowLoop
from leveret_broker.codec import Codec, Payload
from leveret_broker.errors import DecodeError, EncodeError, PayloadTooLarge
from leveret_broker.outcome import Cancelled, Completed, Failed, Failure, Outcome, TimedOut


class Host(Protocol):
    """What a method needs of its instance."""

    key: str
    definition: WorkflowDefinition
    loop: WorkflowLoop
    interceptors: tuple[WorkflowInterceptor, ...]

    def info(self) -> Info:
        """Tell who runs."""
        ...

    @property
    def subject(self) -> Any:
        """The workflow object, which all methods share."""
        ...

    @property
    def codec(self) -> Codec:
        """Turns arguments and results."""
        ...

    async def others_ended(self) -> None:
        """Wait until no other method runs."""
        ...

    def unawaited(self, method: str) -> str:
        """Return which stub call of a method nobody awaited, or nothing."""
        ...


class Method:
    """Runs the method, cancels it at most once, and tells how it ended."""

    def __init__(self, host: Host, identity: str, name: str, arguments: Payload, timeout: float = 0.0) -> None:
        """Wait for `start`."""
        self._host = host
        self.id = identity
        self.name = name
        self.timeout = timeout
        """Workflow timeout in seconds; 0 is none."""
        self._arguments = arguments
        self._task: LoopTask[Payload] | None = None
        self._entered = False
        self._told = False
        self.renewal: Payload | None = None
        """Arguments of the next run, once the method has ended by asking for it."""
        self._cancelled_for: Outcome | None = None
        """What the end is if the method gives way to its cancellation."""

    @property
    def where(self) -> dict[str, str]:
        """Name the method for failures."""
        host = self._host
        where = {"workflow": host.definition.name, "instance": host.key, "method": self.name}
        return where if self.id == MAIN else {**where, "method_id": self.id}

    @property
    def coroutine(self) -> Any:
        """The running coroutine, to find the line where it waits."""
        return None if self._task is None else self._task.get_coro()

    @property
    def is_done(self) -> bool:
        """Tell whether it has ended."""
        return self._task is not None and self._task.done()

    @property
    def reason(self) -> str:
        """Why it was cancelled, as far as somebody said."""
        match self._cancelled_for:
            case Cancelled(where):
                return where.get("reason", "")
            case TimedOut(seconds):
                return f"its workflow timed out after {seconds:g} s"
            case _:
                return ""

    def start(self) -> None:
        """Have the method run in this turn."""
        self._task = self._host.loop.create_task(self._run(), name=self.id)

    def cancel(self, reason: str) -> None:
        """Cancel the method; a second time changes nothing, so that compensation is not interrupted."""
        self._end_as(Cancelled({**self.where, "reason": reason} if reason else self.where))

    def time_out(self, seconds: float) -> None:
        """Cancel the method because the workflow timeout has passed."""
        self._end_as(TimedOut(seconds, self.where))

    def _end_as(self, outcome: Outcome) -> None:
        if self._cancelled_for is not None or self._task is None or self._task.done():
            return
        self._cancelled_for = outcome
        if self._entered:
            self._task.cancel()

    async def _run(self) -> Payload:
        self._entered = True
        asking_as(self.id)
        if self._cancelled_for is not None:
            # Cancelled before it began: it begins nevertheless, and finds out at its first await.
            task = asyncio.current_task()
            assert task is not None
            task.cancel()
        host = self._host
        name = self.name
        method = host.definition.methods.get(name)
        if method is None:
            raise LookupError(
                f"{host.definition.name} has no method {name!r}; it has {sorted(host.definition.methods)}"
            )
        args, kwargs = method.signature.load(host.codec, self._arguments)
        function = getattr(host.subject, method.attribute)
        try:
            if host.interceptors:
                result = await method_run(host, function, args, kwargs)
            else:
                result = await function(*args, **kwargs)
        except ContinueAsNew:
            self._refuse_unawaited()
            await host.others_ended()
            raise
        self._refuse_unawaited()
        return self._dump(result, method.signature.result)

    def _refuse_unawaited(self) -> None:
        unawaited = self._host.unawaited(self.id)
        if unawaited:
            raise RuntimeError(
                f"{self._host.definition.name}.{self.name} returned without having awaited its call of {unawaited}: "
                "await it, or use workflow.dispatch() to run it beside"
            )

    def next_arguments(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Payload:
        """Return the arguments of the next run; raises `ArgumentMismatch`, and in any task but this method's own."""
        host = self._host
        if asyncio.current_task() is not self._task or self.id != MAIN:
            text = f"continue_as_new() is for {host.definition.name}.{self.name} itself, not for what runs beside it"
            raise RuntimeError(text)
        return host.definition.methods[self.name].signature.dump(host.codec, args, kwargs)

    def _dump(self, result: object, kind: Any) -> Payload:
        codec, name = self._host.codec, f"{self._host.definition.name}.{self.name}"
        try:
            return codec.dump(result, None if kind is Any else kind)
        except PayloadTooLarge:
            raise
        except (EncodeError, DecodeError) as error:
            raise TypeError(f"{name} returned what does not fit {spell(kind)}: {error}") from error

    def outcome(self) -> Outcome | None:
        """Return how the method ended, once; None before and after."""
        if self._task is None or self._told or not self._task.done():
            return None
        self._told = True
        if self._task.cancelled():
            if self._cancelled_for is not None:
                return self._cancelled_for
            text = "the method ended with asyncio.CancelledError, though nobody had cancelled it"
            return Failed(Failure("asyncio.CancelledError", text, where=self.where))
        error = self._task.exception()
        if isinstance(error, ContinueAsNew):  # whoever wants this run cancelled does not want the next one
            self.renewal = error.arguments if self._cancelled_for is None else None
            return self._cancelled_for
        if error is not None:
            return Failed(failure_of(error, self._host.codec, self.where))
        return Completed(self._task.result())
