"""What a worker's process does: it imports a service class, makes an object of it once, and calls its functions.

Only bytes go in and out. The objects that the node hosts are not here, nor is its client.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Generator
from contextlib import contextmanager, suppress
from functools import cache
from typing import Any, Final

import msgspec

from leveret.failure import failure_of
from leveret.service.contexts import context_of
from leveret.service.defining import definition_of
from leveret.service.task_context import current_task
from leveret_broker.codec import Codec, Payload
from leveret_broker.envelope import Task
from leveret_broker.outcome import Failure

PLAIN: Final = Codec(limit=sys.maxsize)
"""Without a payload codec, whose keys have no business here, and without a limit, which the node knows."""


class Order(msgspec.Struct, frozen=True):
    """A task to run."""

    module: str
    cls: str
    """Qualified name of the service class."""
    task: Task
    """With plain arguments."""


class Report(msgspec.Struct, frozen=True):
    """How it ended."""

    meta: dict[str, str]
    """As the function left it."""
    value: Payload = Payload(b"")
    failure: Failure | None = None
    kinds: list[tuple[str, str]] = []
    """Module and qualified name of the exception's class and of its bases, the class first."""


_orders = msgspec.msgpack.Decoder(Order)


def ready(module: str, cls: str) -> None:
    """Make the object, for the tasks to come; what is wrong with it the first of them reports."""
    with suppress(BaseException), _apart():  # a SystemExit would be raised in the node
        _made(module, cls)


def work(order: bytes) -> bytes:
    """Run a task; returns an encoded `Report`, whatever the function raises."""
    wanted = _orders.decode(order)
    context = context_of(wanted.task, PLAIN)
    token = current_task.set(context)
    try:
        with _apart():
            value = _call(wanted)
        report = Report({}, PLAIN.dump(value))
    except BaseException as error:
        kinds = [(kind.__module__, kind.__qualname__) for kind in type(error).__mro__ if kind is not object]
        report = Report({}, failure=failure_of(error, PLAIN), kinds=kinds)
    finally:
        current_task.reset(token)
    meta = {str(key): str(value) for key, value in context.meta.items()}  # a user's hands were on it
    return msgspec.msgpack.encode(msgspec.structs.replace(report, meta=meta))


def found_in(module: Any, name: str) -> Any:
    """Return what a module has under a qualified name; raises `AttributeError`."""
    found = module
    for part in name.split("."):
        found = getattr(found, part)
    return found


@contextmanager
def _apart() -> Generator[None]:
    """Point the process's input and output elsewhere: orders and answers go by them.

    `sys.stdin` and `sys.stdout` are elsewhere already; libraries in C, and programs that are started, know the files.
    """
    kept = [os.dup(file) for file in (0, 1)]
    nowhere = os.open(os.devnull, os.O_RDWR)
    try:
        for file in (0, 1):
            os.dup2(nowhere, file)
        yield
    finally:
        for file, copy in enumerate(kept):
            os.dup2(copy, file)
        for one in (*kept, nowhere):
            os.close(one)


def _call(order: Order) -> Any:
    target = _made(order.module, order.cls)
    task = definition_of(type(target)).tasks[order.task.name]
    args, kwargs = task.signature.load(PLAIN, order.task.arguments)
    return getattr(target, task.attribute)(*args, **kwargs)


@cache
def _made(module: str, name: str) -> Any:
    return found_in(importlib.import_module(module), name)()
