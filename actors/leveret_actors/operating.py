"""Broker and store for those who operate: opened as a node opens them, and closed."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from leveret.contract import Duration, seconds
from leveret.url import Url
from leveret_actors.backends import backends
from leveret_actors.store.contract import Store
from leveret_broker.transport import Transport


class Operating:
    """Opens broker and store of a URL (default: `LEVERET_URL`, else `sqlite:///leveret.db`), waiting for them."""

    def __init__(self, url: str | None, connect_timeout: Duration | None) -> None:
        """Prepare; raises `ConfigurationError` for a URL that cannot be used, or names no store."""
        self._url = Url.parse(url)
        self._patience = None if connect_timeout is None else seconds("connect_timeout", connect_timeout)
        transport, store = backends(self._url)
        self._transport: Transport = transport
        self._store: Store = store

    async def __aenter__(self) -> Self:
        """Connect; raises `BrokerUnavailable`, `BrokerRefused`, `StoreUnavailable` or `StoreRefused`."""
        try:
            await self._store.open(self._patience)
            await self._transport.open(self._patience)
        except BaseException:
            await self._close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connections."""
        await self._close()

    async def _close(self) -> None:
        await self._transport.close()
        await self._store.close()
