"""The transport and the store that a URL names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from leveret.transports import make_transport
from leveret.url import Url
from leveret_broker.errors import ConfigurationError

if TYPE_CHECKING:
    from leveret_actors.store.contract import Store
    from leveret_broker.transport import Transport


def backends(url: Url) -> tuple[Transport, Store]:
    """Return what a node needs, nothing of it open yet; only what the URL needs is imported.

    Raises `ConfigurationError` for an AMQP URL without a store.
    """
    match url.scheme:
        case "sqlite":
            from leveret_actors.store.sqlite import SqliteStore
            from leveret_broker.embedded.database import Database
            from leveret_broker.embedded.sqlite import SqliteTransport

            database = Database(url.path)
            return SqliteTransport(database, url.namespace), SqliteStore(database, url.namespace)
        case "memory":
            from leveret_actors.store.memory import MemoryStore

            return make_transport(url), MemoryStore(f"{url.path}/{url.namespace}")
        case _:
            return make_transport(url), redis_store(url)


def redis_store(url: Url) -> Store:
    """Return the store of an AMQP URL."""
    from leveret_actors.store.redis import RedisStore

    if not url.store:
        text = f"{url} names no store: hosting needs one, add '?store=redis://host:6379' (clients can do without)"
        raise ConfigurationError(text)
    address = url.store
    if url.replicas:
        address += f"{'&' if '?' in address else '?'}replicas={url.replicas}"
    return RedisStore(address, url.namespace, durability=url.durability)
