"""A lane of a listener: events one after another, called in batches, tried again, given up."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from loguru import logger

from leveret.events import Event
from leveret.listening import ListenerDefinition
from leveret.retry import RetryDetails
from leveret_broker.transport import Delivery


@dataclass(frozen=True, slots=True)
class Heard:
    """An event, and what acknowledges it."""

    event: Event
    delivery: Delivery


class _GoesBack(Exception):
    """The node stops: what is not done goes back to the queue."""


GiveUp: TypeAlias = Callable[[Heard, str], asyncio.Future[None]]
"""Makes a dead letter; done when the broker has it."""


class Lane:
    """Events of a part of all subjects: each subject is always in the same lane, so its events stay in order."""

    def __init__(
        self,
        definition: ListenerDefinition,
        acknowledge: Callable[[Sequence[Delivery]], None],
        give_up: GiveUp,
    ) -> None:
        self._definition = definition
        self._acknowledge = acknowledge
        self._give_up = give_up
        self._waiting: asyncio.Queue[Heard] = asyncio.Queue()
        self._stopping = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()

    def add(self, heard: Heard) -> None:
        """Put an event behind the others."""
        self._waiting.put_nowait(heard)

    async def run(self) -> None:
        """Call the function, again and again, until cancelled."""
        while True:
            first = await self._waiting.get()
            batch = await self._gather(first)
            if self._stopping.is_set():
                continue
            self._idle.clear()
            try:
                await self._handle(batch)
            except _GoesBack:
                pass
            finally:
                self._idle.set()

    async def stop(self) -> None:
        """Begin nothing more, and wait for what runs."""
        self._stopping.set()
        await self._idle.wait()

    async def _gather(self, first: Heard) -> list[Heard]:
        batch, most = [first], self._definition.batch or 1
        loop = asyncio.get_running_loop()
        until = loop.time() + self._definition.seconds
        while len(batch) < most:
            try:
                async with asyncio.timeout_at(until):
                    batch.append(await self._waiting.get())
            except TimeoutError:
                break
        return batch

    async def _handle(self, batch: list[Heard]) -> None:
        """Call until it works; a batch that is given up is tried one by one, so that one event spoils no others."""
        error = await self._try(batch)
        if error is None:
            self._acknowledge([one.delivery for one in batch])
            return
        for one in batch:
            if len(batch) > 1:
                error = await self._try([one])
            if error is not None:
                reason = f"listener {self._definition.group}: {type(error).__name__}: {_text(error)}"
                logger.error("an event becomes a dead letter, {}", reason)
                await self._give_up(one, reason)
            self._acknowledge([one.delivery])

    async def _try(self, batch: list[Heard]) -> BaseException | None:
        """Return None once the function has returned, or its last error when the policy gives up."""
        events, group = [one.event for one in batch], self._definition.group
        loop = asyncio.get_running_loop()
        attempt, began, last_delay = 1, loop.time(), 0.0
        while True:
            try:
                await self._call(events)
            except Exception as error:
                details = RetryDetails(
                    group, events[0].type, events[0].id, attempt, error, loop.time() - began, last_delay
                )
                delay = self._delay(details)
                if delay is None:
                    return error
                logger.opt(exception=error).warning(
                    "listener {} failed at {}, tries again in {:.1f} s", group, events[0].id, delay
                )
            else:
                return None
            await self._pause(delay)
            attempt, last_delay = attempt + 1, delay

    async def _pause(self, seconds: float) -> None:
        """Wait before the next try; a node that stops leaves it to the next one."""
        try:
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        except TimeoutError:
            return
        raise _GoesBack

    def _delay(self, details: RetryDetails) -> float | None:
        try:
            delay = self._definition.retry(details)
        except Exception:
            logger.exception("the retry policy of listener {} raised: giving up", self._definition.group)
            return None
        return None if delay is None else max(0.0, delay)

    async def _call(self, events: list[Event]) -> None:
        function = self._definition.function
        argument: Any = events if self._definition.batch else events[0]
        if inspect.iscoroutinefunction(function):
            await function(argument)
            return
        running = asyncio.ensure_future(asyncio.to_thread(function, argument))
        try:
            returned = await asyncio.shield(running)
        except asyncio.CancelledError:  # a thread cannot be stopped, and nobody may do the same beside it
            await asyncio.wait({running})
            raise
        if inspect.isawaitable(returned):  # of an async function under a plain decorator
            await returned


def _text(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:
        return "(its text cannot be had)"
