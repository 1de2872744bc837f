"""Processes for functions that keep a processor busy."""

from __future__ import annotations

import asyncio
import math
import sys
from typing import Any, Final

import msgspec
from anyio import BrokenWorkerProcess, CapacityLimiter, to_process

from leveret.failure import attributes_of, carry
from leveret.service import TaskContext
from leveret.service.child import PLAIN, Order, Report, found_in, ready, work
from leveret_broker.codec import Codec
from leveret_broker.envelope import Task

_reports: Final = msgspec.msgpack.Decoder(Report)


class ProcessDied(ChildProcessError):
    """Raised when a process ended before the function that it ran: killed, out of memory, `os._exit`."""


class RemoteError(Exception):
    """Stands for an exception of another process whose class is not known in this one."""


class Processes:
    """Runs functions in anyio's worker processes, which are kept for reuse and end with the event loop.

    How many are busy at once is up to the caller. Whoever is cancelled kills the process that works for it.
    """

    def __init__(self, cls: type[Any], codec: Codec) -> None:
        self._cls = cls
        self._codec = codec
        self._limiter = CapacityLimiter(math.inf)
        self._left: list[asyncio.Task[None]] = []
        """Processes that start, or have started, for attempts that ended before."""

    async def run(self, task: Task, context: TaskContext, result: Any = msgspec.Raw) -> Any:
        """Run a task; its value is decoded as `result`, by default not at all: the codec takes it as it is.

        Raises what the function raised, as far as it can be rebuilt, and `ProcessDied`.
        """
        said = None if task.progress is None else self._codec.unwrap(task.progress)
        plain = msgspec.structs.replace(task, arguments=self._codec.unwrap(task.arguments), progress=said)
        order = msgspec.msgpack.encode(Order(self._cls.__module__, self._cls.__qualname__, plain))
        try:
            await self._one_is_ready()
            answer = await to_process.run_sync(work, order, cancellable=True, limiter=self._limiter)
        except BrokenWorkerProcess as error:
            text = f"the process that ran {context.service}.{context.task} ended before the function did"
            raise ProcessDied(text) from error
        report = _reports.decode(answer)
        context.meta.clear()
        context.meta.update(report.meta)
        if report.failure is not None:
            raise carry(_exception(report), report.failure, self._codec)
        return PLAIN.load(report.value, result)

    async def _one_is_ready(self) -> None:
        """Wait for a process that has nothing to do: an attempt that ends while one starts leaves it to the next."""
        starting = self._left.pop() if self._left else asyncio.create_task(self._start())
        try:
            await asyncio.shield(starting)
        except asyncio.CancelledError:
            self._left.append(starting)
            raise

    async def _start(self) -> None:
        await to_process.run_sync(ready, self._cls.__module__, self._cls.__qualname__, limiter=self._limiter)


def _exception(report: Report) -> Exception:
    """Return the exception, or one of the nearest class that can be made here: policies ask for its class."""
    assert report.failure is not None
    for module, name in report.kinds:
        try:
            kind = found_in(sys.modules[module], name)
            if issubclass(kind, Exception):
                error: Exception = kind.__new__(kind)
                error.args = (report.failure.message,)
                vars(error).update(attributes_of(report.failure, PLAIN))
                return error
        except Exception:  # noqa: S112 - local to a function, or not to be made without arguments
            continue
    return RemoteError(report.failure.message)
