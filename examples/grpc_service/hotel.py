"""A hotel with a gRPC service, and with bad days."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable
from typing import Any, Self

import grpc
import grpc.aio
import msgspec

from examples.grpc_service.rooms import RESERVE, Reservation, Wish

ROOMS = 2


class Hotel:
    """Gives one room for each idempotency key; use it as `async with Hotel(["unavailable", "stall"]) as hotel:`.

    Each of the `moods` is what happens to one request: `stall` reserves and does not answer before the caller's
    deadline. After them everything works.
    """

    def __init__(self, moods: Iterable[str] = ()) -> None:
        """Listen on a free port of this machine once entered."""
        self.moods = deque(moods)
        self.requests: list[str] = []
        """The key of each request, in their order."""
        self.rooms: dict[str, Reservation] = {}
        """By key."""
        self.target = ""

    async def __aenter__(self) -> Self:
        service, _, method = RESERVE.strip("/").partition("/")
        handler = grpc.unary_unary_rpc_method_handler(
            self.reserve,
            request_deserializer=msgspec.json.Decoder(Wish).decode,
            response_serializer=msgspec.json.encode,
        )
        self._server = grpc.aio.server()
        self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, {method: handler}),))
        self.target = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"
        await self._server.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._server.stop(None)

    async def reserve(self, wish: Wish, context: grpc.aio.ServicerContext[Any, Any]) -> Reservation:
        """Serve one request."""
        key = str(dict(context.invocation_metadata() or ())["idempotency-key"])
        self.requests.append(key)
        mood = self.moods.popleft() if self.moods else "good"
        if mood == "unavailable":
            await context.abort(grpc.StatusCode.UNAVAILABLE, "the desk is empty")
        if len(self.rooms) >= ROOMS and key not in self.rooms:
            await context.abort(grpc.StatusCode.FAILED_PRECONDITION, "no room is left")
        reserved = self.rooms.setdefault(key, Reservation(len(self.rooms) + 1, wish.guest))
        if mood == "stall":
            await asyncio.Event().wait()  # until the caller's deadline cancels it
        return reserved
