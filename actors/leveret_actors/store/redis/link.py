"""From a call to its server and back, repeated until there is an answer or the deadline is over."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Sequence
from typing import Final, TypeVar

import msgspec
from loguru import logger

from leveret_actors.store.redis.routes import Routes
from leveret_actors.store.redis.scripts import Script
from leveret_actors.store.redis.server import Command
from leveret_actors.store.redis.settings import Settings
from leveret_actors.store.redis.wire import Argument, Arguments, TryLater, UnknownScript
from leveret_broker.backoff import pause
from leveret_broker.errors import StoreRefused, StoreUnavailable

T = TypeVar("T")

LONGEST_PAUSE: Final = 5.0
"""Seconds between two attempts to open, at most."""


class Link:
    """The way to all servers of one URL.

    Every call may reach a server more than once; scripts are written so that the second time changes nothing.
    """

    def __init__(self, settings: Settings, *, deadline: float) -> None:
        self._settings = settings
        self._deadline = deadline
        self._attempt = deadline / 2
        self._routes: Routes | None = None

    async def open(self, deadline: float | None) -> None:
        """Wait for the servers; see `Store.open`."""
        routes = Routes(self._settings, limit=self._attempt)
        try:
            await self._reach(routes, None if deadline is None else _now() + deadline)
        except BaseException:
            await routes.close()
            raise
        self._routes = routes

    async def close(self) -> None:
        """Finish what is under way, then close; a second call does nothing."""
        routes, self._routes = self._routes, None
        if routes is not None:
            await routes.close()

    async def call(self, key: str, *arguments: Argument, as_type: type[T], writes: bool = False) -> T:
        """Send a command about one key and return its reply."""
        return _read(await self._until_deadline(Command(key, arguments, writes)), as_type)

    async def run(
        self, script: Script, keys: Sequence[str], arguments: Arguments, *, as_type: type[T], writes: bool = True
    ) -> T:
        """Run a script on keys of one hash tag and return its reply."""
        rest = (len(keys), *keys, *arguments)
        try:
            reply = await self._until_deadline(Command(keys[0], ("EVALSHA", script.digest, *rest), writes))
        except UnknownScript:
            reply = await self._until_deadline(Command(keys[0], ("EVAL", script.text, *rest), writes))
        return _read(reply, as_type)

    async def _until_deadline(self, command: Command) -> object:
        last = "no answer"
        try:
            async with asyncio.timeout(self._deadline):
                for attempt in itertools.count(1):
                    try:
                        return await self._once(command)
                    except TryLater as error:
                        last = str(error)
                    await asyncio.sleep(pause(attempt - 1, first=0.1, longest=1.0) if attempt > 1 else 0)
        except TimeoutError:
            pass
        raise StoreUnavailable(f"no answer from Redis within {self._deadline:g} s; the last attempt: {last}")

    async def _once(self, command: Command) -> object:
        if self._routes is None:
            raise StoreUnavailable("the store is not open")
        routes = self._routes
        try:
            server = await routes.find(command.key)
            return await server.call(command)
        except TryLater as error:
            if error.elsewhere:
                routes.forget()
            raise

    async def _reach(self, routes: Routes, end: float | None) -> None:
        for attempt in itertools.count(1):
            try:
                limit = self._attempt if end is None else max(0.1, min(self._attempt, end - _now()))
                async with asyncio.timeout(limit):
                    await routes.open()
                    return
            except TryLater as error:
                text = str(error)
            except TimeoutError:
                text = "no answer"
            wait = pause(attempt, first=0.1, longest=LONGEST_PAUSE)
            if end is not None and _now() + wait >= end:
                raise StoreUnavailable(f"Redis at {self._settings.address} is not there: {text}")
            logger.warning("store not reached, attempt {}, next in {:.1f} s: {}", attempt, wait, text)
            await asyncio.sleep(wait)


def _read(reply: object, as_type: type[T]) -> T:
    try:
        return msgspec.convert(reply, as_type)
    except msgspec.ValidationError as error:
        raise StoreRefused(f"Redis answered what leveret did not write: {error}") from error


def _now() -> float:
    return asyncio.get_running_loop().time()
