"""The service: one function around one call of gRPC."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import grpc
import grpc.aio
import msgspec

from examples.grpc_service.rooms import RESERVE, NoRoom, Reservation, Rooms, Wish
from leveret import Retry, RetryDetails, service

PASSING = {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.RESOURCE_EXHAUSTED}
"""What goes over by itself. All else is a mistake that another attempt would repeat."""

usual = Retry(initial=0.05, maximum=30, attempts=8)


def patience(details: RetryDetails) -> float | None:
    """Try again what goes over by itself."""
    error = details.error
    return usual(details) if isinstance(error, grpc.aio.AioRpcError) and error.code() in PASSING else None


class GrpcRooms(Rooms):
    """Reserves by `hotel.Rooms/Reserve`."""

    def __init__(self, channel: grpc.aio.Channel, timeout: float) -> None:
        """Share one channel among all tasks; `timeout` is that of one call, in seconds."""
        self._reserve = channel.unary_unary(
            RESERVE,
            request_serializer=msgspec.json.encode,
            response_deserializer=msgspec.json.Decoder(Reservation).decode,
        )
        self._timeout = timeout

    @service.task(retry=patience, timeout=30)
    async def reserve(self, wish: Wish) -> Reservation:
        """Reserve a room; the hotel knows all attempts by the id of the task."""
        key = ("idempotency-key", service.context().task_id)
        try:
            return await self._reserve(wish, timeout=self._timeout, metadata=(key,))
        except grpc.aio.AioRpcError as error:
            if error.code() is grpc.StatusCode.FAILED_PRECONDITION:
                raise NoRoom(error.details()) from error
            raise


def rooms(target: str, timeout: float = 5.0) -> Callable[[], AbstractAsyncContextManager[GrpcRooms]]:
    """Return what opens the service with its node, and closes its channel behind the last task."""

    @asynccontextmanager
    async def opened() -> AsyncGenerator[GrpcRooms]:
        async with grpc.aio.insecure_channel(target) as channel:
            yield GrpcRooms(channel, timeout)

    return opened
