"""Which server holds a key: the only one, or the one that has its slot."""

from __future__ import annotations

import asyncio
import bisect
from collections.abc import Iterable

import msgspec

from leveret_actors.store.redis.inspection import Facts, inspect
from leveret_actors.store.redis.server import Server
from leveret_actors.store.redis.settings import Settings
from leveret_actors.store.redis.wire import Dialer, TryLater, Wire, slot_of


class _Range(msgspec.Struct, frozen=True, order=True):
    """Slots that one server has."""

    last: int
    host: str
    port: int


class Routes:
    """The servers of one URL, `limit` seconds for each attempt of a call."""

    def __init__(self, settings: Settings, *, limit: float) -> None:
        self._settings = settings
        self._limit = limit
        self._dialer = Dialer(settings)
        self._servers: dict[tuple[str, int], Server] = {}
        self._cluster = settings.cluster
        self._ranges: list[_Range] = []
        self._lock = asyncio.Lock()

    async def open(self) -> None:
        """Check every server; of a cluster, all that have slots."""
        if self._settings.cluster:
            servers = await self._discover()
        else:
            # A plain URL may name a server of a cluster, which _inspect notices.
            servers = [self._server(self._settings.hosts[0])]
            await servers[0].probe()
            if self._cluster:
                servers = await self._discover()
        for server in servers:
            await server.probe()

    async def find(self, key: str) -> Server:
        """Return the server of a key."""
        if not self._cluster:
            return self._server(self._settings.hosts[0])
        if not self._ranges:
            await self._discover()
        slot = slot_of(key)
        at = bisect.bisect_left(self._ranges, slot, key=lambda one: one.last)
        if at == len(self._ranges):
            self.forget()
            raise TryLater(f"no server of the Redis cluster at {self._settings.address} has slot {slot}")
        return self._server((self._ranges[at].host, self._ranges[at].port))

    def forget(self) -> None:
        """Learn anew which server has which slots, before the next call."""
        self._ranges = []

    async def close(self) -> None:
        """Finish what is under way, then drop all connections."""
        await asyncio.gather(*(server.close() for server in self._servers.values()))
        await self._dialer.close()

    def _server(self, place: tuple[str, int]) -> Server:
        if place not in self._servers:
            host, port = place
            address = self._settings.address if self._settings.master else f"{host}:{port}"
            self._servers[place] = Server(
                address,
                lambda: self._dialer.wire(host, port),
                self._inspect,
                limit=self._limit,
                replicas=self._settings.replicas,
            )
        return self._servers[place]

    async def _inspect(self, wire: Wire) -> Facts:
        facts = await inspect(wire, self._settings)
        self._cluster = self._cluster or facts.cluster
        return facts

    async def _discover(self) -> list[Server]:
        """Ask any server for the slots, unless somebody just did."""
        async with self._lock:
            if not self._ranges:
                self._ranges = await self._ask(dict.fromkeys((*self._servers, *self._settings.hosts)))
            places = dict.fromkeys((one.host, one.port) for one in self._ranges)
            return [self._server(place) for place in places]

    async def _ask(self, places: Iterable[tuple[str, int]]) -> list[_Range]:
        failed: TryLater | None = None
        for host, port in places:
            wire = self._dialer.wire(host, port)
            try:
                async with asyncio.timeout(self._limit / 2):
                    await wire.connect()
                    return _ranges((await wire.trip([("CLUSTER", "SLOTS")]))[0], host)
            except TryLater as error:
                failed = error
            except TimeoutError:
                failed = TryLater(f"Redis at {host}:{port} does not answer")
            finally:
                await wire.close()
        raise failed or TryLater(f"no server of the Redis cluster at {self._settings.address} answers")


def _ranges(reply: object, asked: str) -> list[_Range]:
    """Read CLUSTER SLOTS; a server without a name of its own is the one that was asked."""
    if isinstance(reply, Exception):
        raise reply
    found: list[_Range] = []
    for entry in msgspec.convert(reply, list[list[object]]):
        _, last, master = entry[:3]
        host, port = msgspec.convert(msgspec.convert(master, list[object])[:2], tuple[bytes | None, int])
        found.append(_Range(msgspec.convert(last, int), host.decode() if host else asked, port))
    return sorted(found)
