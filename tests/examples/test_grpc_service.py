"""The example grpc_service."""

from __future__ import annotations

import pytest

from examples.grpc_service.hotel import ROOMS, Hotel
from examples.grpc_service.reserving import rooms
from examples.grpc_service.rooms import Reservation, Rooms, Wish
from leveret import TaskFailed
from tests.conformance.house import House


async def test_a_hotel_that_is_unavailable_or_silent_gives_one_room(house: House) -> None:
    async with Hotel(["unavailable", "stall", "unavailable"]) as hotel:
        await house.open(services=(rooms(hotel.target, timeout=0.3),))

        reserved = await house.client.service(Rooms, id="stay-1").reserve(Wish("ann", 2))

        assert reserved == Reservation(1, "ann")
        assert hotel.requests == ["stay-1"] * 4
        assert len(hotel.rooms) == 1
        await house.stop()


async def test_what_another_attempt_would_repeat_is_not_tried_again(house: House) -> None:
    async with Hotel() as hotel:
        await house.open(services=(rooms(hotel.target),))
        for number in range(ROOMS):
            await house.client.service(Rooms).reserve(Wish(f"guest {number}", 1))

        with pytest.raises(TaskFailed, match="no room is left") as caught:
            await house.client.service(Rooms).reserve(Wish("late", 1))

        assert caught.value.failure.type.endswith("NoRoom")
        assert len(hotel.requests) == ROOMS + 1
        await house.stop()
