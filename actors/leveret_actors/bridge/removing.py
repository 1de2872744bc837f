"""What is left of a bridge that was taken out: its queue, which stays bound and fills."""

from __future__ import annotations

from leveret_broker.address import BridgeQueue
from leveret_broker.errors import ConfigurationError
from leveret_broker.foreign import again_queue
from leveret_broker.ids import check_name
from leveret_broker.transport import Transport


async def remove(transport: Transport, bridge: str, *, force: bool = False) -> int:
    """Delete the queues of a bridge's own, and with them their bindings; return how many messages went with them.

    A queue that others own, and the exchange, stay as they are. Raises `ConfigurationError` where there is nothing of
    this bridge, and, unless `force` says otherwise, where a node runs it or messages wait.
    """
    own = BridgeQueue(check_name("the bridge's name", bridge))
    found = [depth for queue in (own, again_queue(bridge)) if (depth := await transport.inspect(queue)) is not None]
    if not found:
        raise ConfigurationError(f"there is no queue of a bridge {bridge!r} in the namespace {transport.namespace!r}")
    waiting = sum(depth.messages for depth in found)
    if not force and any(depth.consumers for depth in found):
        text = f"a node runs the bridge {bridge!r}: take it out of its leveret.toml and restart it first"
        raise ConfigurationError(f"{text}. By force (--force) its queue goes all the same; the node makes it anew")
    if not force and waiting:
        text = f"{waiting} messages wait in the queue of the bridge {bridge!r}: run it until they are read"
        raise ConfigurationError(f"{text}, or drop them by force (--force)")
    await transport.forget(own)
    return waiting
