"""The transport that a URL names."""

from __future__ import annotations

from leveret.url import Url
from leveret_broker.transport import Transport


def make_transport(url: Url) -> Transport:
    """Return a transport that is not open yet; only what the URL needs is imported."""
    match url.scheme:
        case "sqlite":
            from leveret_broker.embedded.database import Database
            from leveret_broker.embedded.sqlite import SqliteTransport

            return SqliteTransport(Database(url.path), url.namespace)
        case "memory":
            from leveret_broker.embedded.memory import MemoryTransport

            return MemoryTransport(url.path, url.namespace)
        case _:
            from leveret_broker.rabbitmq.transport import RabbitTransport

            return RabbitTransport(url.broker, url.namespace)
