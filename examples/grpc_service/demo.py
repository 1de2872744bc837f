"""Three guests at a hotel that has a bad day: `python -m examples.grpc_service.demo`."""

from __future__ import annotations

import asyncio

from examples.grpc_service.hotel import Hotel
from examples.grpc_service.reserving import rooms
from examples.grpc_service.rooms import Rooms, Wish
from leveret import Client, TaskFailed
from leveret_actors import Node


async def main(url: str = "memory://grpc") -> list[str]:
    said: list[str] = []
    async with Hotel(["unavailable", "stall"]) as hotel:
        async with Node(url, services=[rooms(hotel.target, timeout=0.5)]), Client(url) as client:
            for guest in ("ann", "bob", "cid"):
                handle = await client.dispatch(client.service(Rooms, id=f"stay-{guest}").reserve, Wish(guest, 3))
                try:
                    said.append(f"{guest}: room {(await handle.result()).room}")
                except TaskFailed as error:
                    said.append(f"{guest}: {error.failure.message}")
        said.append(f"requests {len(hotel.requests)}, rooms {len(hotel.rooms)}")
    return said


if __name__ == "__main__":
    print(*asyncio.run(main()), sep="\n")
