"""One Redis server: a few connections, each carrying in one trip all calls that wait."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final

import msgspec

from leveret_actors.store.redis.wire import Arguments, TryLater, Wire, translate

LANES: Final = 4
"""Connections to one server. More do not help: Redis does one thing at a time and syncs once for all that has come."""

CALLS: Final = 64
"""Most calls in one trip."""


class Command(msgspec.Struct, frozen=True):
    """One command, and the key it is about."""

    key: str
    arguments: Arguments
    writes: bool = False


class _Call:
    """A command and who waits for its reply."""

    __slots__ = ("answer", "command")

    def __init__(self, command: Command) -> None:
        self.command = command
        self.answer: asyncio.Future[object] = asyncio.get_running_loop().create_future()

    def fail(self, error: Exception) -> None:
        if not self.answer.done():
            self.answer.set_exception(error)

    def succeed(self, reply: object) -> None:
        if not self.answer.done():
            self.answer.set_result(reply)


class Server:
    """Sends commands; each fails or gets its reply within `limit` seconds of being sent.

    With `replicas`, a write counts when that many replicas have it: one WAIT ends each trip that writes.
    """

    def __init__(
        self,
        address: str,
        dial: Callable[[], Wire],
        check: Callable[[Wire], Awaitable[object]],
        *,
        limit: float,
        replicas: int = 0,
    ) -> None:
        self.address = address
        self._dial = dial
        self._check = check
        self._limit = limit
        self._replicas = replicas
        self._waiting: deque[_Call] = deque()
        self._idle: list[Wire] = []
        self._outdated: set[Wire] = set()
        self._busy: set[Wire] = set()
        self._runs: set[asyncio.Task[None]] = set()

    async def call(self, command: Command) -> object:
        """Send a command and return its reply; raises TryLater, UnknownScript or StoreRefused."""
        call = _Call(command)
        self._waiting.append(call)
        self._spur()
        return await call.answer

    async def probe(self) -> None:
        """See whether a connection can be had and is good; keeps it."""
        wire = await self._connected()
        self._busy.discard(wire)
        self._idle.append(wire)

    async def renew(self) -> None:
        """Use no connection of now for further trips."""
        idle, self._idle = self._idle, []
        self._outdated |= self._busy
        for wire in idle:
            await wire.close()

    async def close(self) -> None:
        """Finish what is under way, then drop all connections."""
        while self._runs:
            await asyncio.wait(self._runs)
        idle, self._idle = self._idle, []
        for wire in idle:
            await wire.close(linger=True)

    def _spur(self) -> None:
        if self._waiting and len(self._runs) < LANES:
            run = asyncio.create_task(self._run())
            self._runs.add(run)
            run.add_done_callback(self._ended)

    def _ended(self, run: asyncio.Task[None]) -> None:
        self._runs.discard(run)
        self._spur()

    async def _run(self) -> None:
        """Make trips until nothing waits."""
        wire: Wire | None = None
        calls: list[_Call] = []
        try:
            async with asyncio.timeout(self._limit):
                wire = await self._connected()
            while wire not in self._outdated and (calls := self._take()):
                async with asyncio.timeout(self._limit):
                    await self._trip(wire, calls)
            if wire not in self._outdated:
                self._idle.append(wire)
                self._busy.discard(wire)
                wire = None
        except Exception as error:  # every caller gets it, translated
            self._fail(calls or self._take(), translate(error, self.address))
            await self.renew()
        finally:
            if wire is not None:
                self._busy.discard(wire)
                self._outdated.discard(wire)
                await wire.close()

    async def _connected(self) -> Wire:
        if self._idle:
            wire = self._idle.pop()
            self._busy.add(wire)
            return wire
        wire = self._dial()
        try:
            await wire.connect()
            await self._check(wire)
        except BaseException:
            await wire.close()
            raise
        self._busy.add(wire)
        return wire

    def _take(self) -> list[_Call]:
        calls: list[_Call] = []
        while self._waiting and len(calls) < CALLS:
            call = self._waiting.popleft()
            if not call.answer.done():
                calls.append(call)
        return calls

    @staticmethod
    def _fail(calls: list[_Call], error: Exception) -> None:
        for call in calls:
            call.fail(error)

    async def _trip(self, wire: Wire, calls: list[_Call]) -> None:
        commands = [call.command.arguments for call in calls]
        written = [call.command.key for call in calls if call.command.writes] if self._replicas else []
        if written:
            # WAIT is promised for what this connection wrote. A repeated commit may write nothing: this always does.
            # (Redis 7 goes further and counts all that anybody wrote before this connection's last command.)
            tag = written[-1].partition("}")[0]
            commands.append(("SET", f"{tag}}}:wait", "", "EX", 60))
            commands.append(("WAIT", self._replicas, int(self._limit * 800)))
        replies = await wire.trip(commands)
        missing = self._missing(replies[-1]) if written else None
        for call, reply in zip(calls, replies):
            if isinstance(reply, Exception):
                call.fail(reply)
                if isinstance(reply, TryLater) and reply.elsewhere:
                    await self.renew()
            elif missing is not None and call.command.writes:
                call.fail(missing)
            else:
                call.succeed(reply)

    def _missing(self, reply: object) -> TryLater | None:
        count = reply if isinstance(reply, int) else 0
        if count >= self._replicas:
            return None
        return TryLater(f"Redis at {self.address}: {count} of {self._replicas} replicas have the write")
