"""Many orders at once: started, approved by tag, and waited for."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from leveret import Client, Handle
from tests.endtoend.house import PATIENCE
from tests.endtoend.shop import Order


@dataclass
class Load:
    """What a client asked for."""

    client: Client
    handles: list[Handle[str]] = field(default_factory=list[Handle[str]])

    async def start(self, count: int) -> None:
        """Start `count` orders; returns when the broker holds them."""
        new = range(len(self.handles), len(self.handles) + count)
        self.handles += await asyncio.gather(*(self._start(number) for number in new))

    async def _start(self, number: int) -> Handle[str]:
        order = self.client.new(Order, id=f"order-{number}", tags={f"n:{number}", "all"})
        return await self.client.dispatch(order.run, number)

    async def approve(self, first: int = 0) -> None:
        """Send each order from `first` on its signal, by tag."""
        numbers = range(first, len(self.handles))
        orders = [self.client.all(Order, tag=f"n:{number}") for number in numbers]
        await asyncio.gather(*(order.approvals.send("yes") for order in orders))

    async def results(self, seconds: float = PATIENCE) -> list[str]:
        """Wait for all results, side by side; says of those that do not come what they wait for."""
        results = asyncio.gather(*(handle.result(seconds) for handle in self.handles), return_exceptions=True)
        late = [(one, error) for one, error in zip(self.handles, await results) if not isinstance(error, str)]
        seen = [f"{error!r}: {(await one.describe()).data}" for one, error in late[:3]]
        assert not late, f"{len(late)} of {len(self.handles)} did not end: {'; '.join(seen)}"
        return [result for result in await results if isinstance(result, str)]

    @property
    def expected(self) -> list[str]:
        return [f"{2 * number} yes {3 * number}" for number in range(len(self.handles))]

    @property
    def ids(self) -> set[str]:
        return {handle.id for handle in self.handles}
