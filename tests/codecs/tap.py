"""A wire on which somebody listens."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress


class Tap:
    """Passes on what goes to a port of this machine and back, and keeps it."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._heard: list[bytearray] = []
        self.port = 0

    def heard(self, text: str) -> bool:
        """Tell whether somebody said it, in one way or the other."""
        return any(text.encode() in one for one in self._heard)

    @property
    def size(self) -> int:
        return sum(map(len, self._heard))

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._to)
        await asyncio.gather(self._pass_on(reader, far_writer), self._pass_on(far_reader, writer))

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard = bytearray()
        self._heard.append(heard)
        with suppress(ConnectionError):
            while data := await reader.read(1 << 16):
                heard += data
                writer.write(data)
                await writer.drain()
        writer.close()


@asynccontextmanager
async def tapped(port: int) -> AsyncGenerator[Tap]:
    """Listen on the way to a port, at a port of its own."""
    tap = Tap(port)
    server = await asyncio.start_server(tap.serve, "127.0.0.1", 0)
    tap.port = server.sockets[0].getsockname()[1]
    yield tap
    server.close()
