"""Services that open something when their node starts, and close it when their tasks have ended."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager, AsyncExitStack
from functools import partial
from typing import Any, TypeAlias, TypeGuard, cast

from loguru import logger

from leveret import service
from leveret.definition import ServiceInstance
from leveret.service.configuring import Configured, unwrapped
from leveret_broker.errors import ConfigurationError, LeveretError

Factory: TypeAlias = Callable[[], object]
"""Returns a service, or a context manager that gives one; async ones do too."""


def is_factory(target: object) -> TypeGuard[Factory]:
    """Tell whether a service is to be made when the node starts: a function, not an object or a class."""
    target, _ = unwrapped(target)
    return inspect.isroutine(target) or isinstance(target, partial)


class Lifespan:
    """Makes the services of one node from their factories, in order, and closes them in the opposite one.

    All of that happens in one task: a context manager that holds a task group or a timeout must be left in the task
    that entered it.
    """

    def __init__(self, services: Sequence[object]) -> None:
        """Check what is no factory; raises `ConfigurationError`."""
        self._targets = [one if is_factory(one) else service.instance(one) for one in services]
        _check_names([one for one in self._targets if isinstance(one, ServiceInstance)])
        self._closing = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def open(self) -> list[ServiceInstance]:
        """Return the services; when one cannot be made, those before it are closed, and `ConfigurationError` says why.

        A service that is a context manager of its own is entered, if a factory made it.
        """
        self._closing.clear()
        opened: asyncio.Future[list[ServiceInstance]] = asyncio.get_running_loop().create_future()
        task = self._task = asyncio.create_task(self._live(opened), name="leveret lifespan")
        try:
            await asyncio.wait((opened, task), return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            task.cancel()
            await asyncio.wait((task,))
            raise
        if task.done():
            task.result()
        return opened.result()

    async def watch(self) -> None:
        """Return when all is closed; raises what a context manager raised, be it at the end or meanwhile."""
        if self._task is not None:
            await asyncio.shield(self._task)

    async def close(self, patience: float) -> None:
        """Close what was opened; cancelled after `patience` seconds, and left behind after as many more."""
        self._closing.set()
        if self._task is None:
            return
        await asyncio.wait((self._task,), timeout=patience)
        if not self._task.done():
            logger.error("a service that a function made is not closed after {:g} s: it is cancelled", patience)
            self._task.cancel()
            await asyncio.wait((self._task,), timeout=patience)
            if not self._task.done():
                logger.error("a service that a function made does not even end when cancelled: it is left behind")
            if not self._task.done() or self._task.cancelled():
                return
        await self.watch()

    async def _live(self, opened: asyncio.Future[list[ServiceInstance]]) -> None:
        wrong: ConfigurationError | None = None
        try:
            async with AsyncExitStack() as stack:
                try:
                    made = [await _made(one, stack) for one in self._targets]
                    _check_names(made)
                    opened.set_result(made)
                except ConfigurationError as error:  # the others close as ever: it is none of theirs
                    wrong = error
                else:
                    await self._closing.wait()
        except Exception as error:
            if wrong is None:
                raise
            logger.opt(exception=error).error("a service that was open already could not be closed")
        if wrong is not None:
            raise wrong


def _check_names(instances: Sequence[ServiceInstance]) -> None:
    """Refuse two services of one name: each would get the other's tasks."""
    found: dict[str, ServiceInstance] = {}
    for instance in instances:
        other = found.setdefault(instance.definition.name, instance)
        if other is not instance:
            raise ConfigurationError(
                f"service {instance.definition.name} is there twice, as {other.definition.cls.__qualname__} and as "
                f"{instance.definition.cls.__qualname__}: give one of them another name, by @service.define(name=...)"
            )


async def _made(target: Factory | ServiceInstance, stack: AsyncExitStack) -> ServiceInstance:
    if isinstance(target, ServiceInstance):
        return target
    factory, settings = unwrapped(target)
    name = _name(factory)
    try:
        found = factory()
        if inspect.isawaitable(found):
            found = await cast("Awaitable[object]", found)
        if isinstance(found, AbstractAsyncContextManager):
            found = await stack.enter_async_context(cast("AbstractAsyncContextManager[object]", found))
        elif isinstance(found, AbstractContextManager):
            found = stack.enter_context(cast("AbstractContextManager[object]", found))
        return service.instance(found if settings is None else Configured(found, settings))
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is not None and task.cancelling():  # the node stops, or what is around fails
            raise
        text = f"{name} could not make its service: something that it waited for was cancelled"
        raise ConfigurationError(text) from error
    except LeveretError as error:
        text = f"what {name} makes is not a service: {error}"
        raise ConfigurationError(text) from error
    except Exception as error:
        text = f"{name} could not make its service: {type(error).__name__}: {error}"
        raise ConfigurationError(text) from error


def _name(factory: object) -> str:
    function: Any = factory.func if isinstance(factory, partial) else factory
    return f"{function.__module__}.{function.__qualname__}"
