"""Exchanges and queues that others own."""

from __future__ import annotations

import msgspec

from leveret_broker.address import BRIDGE, BridgeQueue, ServiceQueue


class ForeignSource(msgspec.Struct, frozen=True):
    """Where a bridge reads; nothing of it is ever changed, but that a queue of our own is bound to the exchange."""

    bridge: str
    """The bridge's name, from which that of the queue of our own is made."""
    exchange: str = ""
    keys: tuple[str, ...] = ()
    queue: str = ""
    """In place of an exchange."""

    def __str__(self) -> str:
        """Name it."""
        return f"queue {self.queue!r}" if self.queue else f"exchange {self.exchange!r}"


def letters_source(bridge: str) -> str:
    """Return what the dead letters of a bridge have as `source`."""
    return str(BridgeQueue(bridge))


def bridge_of(source: str) -> str:
    """Return the bridge whose dead letters have this `source`; empty for others."""
    return source.removeprefix(BRIDGE) if source.startswith(BRIDGE) else ""


def again_queue(bridge: str) -> ServiceQueue:
    """Return where dead letters of a bridge are sent to be judged again; no service can have this name."""
    return ServiceQueue(f"@bridge.{bridge}")
