"""A proxy in front of a Redis that loses what a test wants lost."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable


class RedisProxy:
    """Passes everything on, except the next request that holds `target`: its reply is lost, or it is held back itself.

    Either way the client's connection is dropped.
    """

    def __init__(self, port: int) -> None:
        self._upstream = port
        self._lose: bytes | None = None
        self._hold: bytes | None = None
        self._held: Callable[[], None] | None = None
        self._losing: set[asyncio.StreamWriter] = set()
        self._links: set[asyncio.Task[None]] = set()
        self.port = 0
        self.lost = 0

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    def lose_reply(self, target: bytes) -> None:
        self._lose = target

    def hold_request(self, target: bytes) -> None:
        self._hold = target

    async def release(self) -> None:
        """Let the held request arrive at last, and wait until Redis has done it."""
        assert self._held is not None
        self._held()
        await asyncio.gather(*self._links)

    async def serve(self, client: asyncio.StreamReader, reply: asyncio.StreamWriter) -> None:
        server, request = await asyncio.open_connection("127.0.0.1", self._upstream)
        backwards = asyncio.create_task(self._backwards(server, reply))
        kept = False
        try:
            while not kept and (data := await client.read(1 << 20)):
                kept = self._hold is not None and self._hold in data
                if kept:
                    self._hold = None
                    self._keep(server, request, data)
                    break
                if self._lose is not None and self._lose in data:
                    self._lose = None
                    self._losing.add(reply)
                request.write(data)
        except ConnectionError:
            pass
        finally:
            backwards.cancel()
            reply.close()
            if not kept:
                request.close()

    async def _backwards(self, server: asyncio.StreamReader, reply: asyncio.StreamWriter) -> None:
        while data := await server.read(65536):
            if reply in self._losing:
                self.lost += 1
                break
            reply.write(data)
        reply.close()

    def _keep(self, server: asyncio.StreamReader, request: asyncio.StreamWriter, data: bytes) -> None:
        released = asyncio.Event()
        self._held = released.set

        async def later() -> None:
            await released.wait()
            request.write(data)
            await server.read(65536)
            request.close()

        self._links.add(asyncio.create_task(later()))


@contextlib.asynccontextmanager
async def redis_proxy(port: int) -> AsyncGenerator[RedisProxy]:
    proxy = RedisProxy(port)
    links: set[asyncio.Task[None]] = set()

    def connected(client: asyncio.StreamReader, reply: asyncio.StreamWriter) -> None:
        links.add(asyncio.create_task(proxy.serve(client, reply)))

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        for link in links:
            link.cancel()
        await asyncio.gather(*links, return_exceptions=True)
        await asyncio.sleep(0.01)  # closed transports drop their sockets in the loop's next round
