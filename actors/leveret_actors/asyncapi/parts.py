"""What the channels of commands and of events have in common."""

from __future__ import annotations

import inspect
from typing import Any, Final, TypeAlias

Part: TypeAlias = dict[str, Any]
"""A piece of a document."""

BINDING: Final = "0.3.0"
"""Version of AsyncAPI's bindings for AMQP."""


def channel(address: str, exchange: str, vhost: str, messages: Part, **more: Any) -> Part:
    """Return the channel of a routing key, or of routing keys with a parameter, of a topic exchange."""
    bound = {"name": exchange, "type": "topic", "durable": True, "autoDelete": False, "vhost": vhost}
    return {
        "address": address,
        **more,
        "messages": messages,
        "bindings": {"amqp": {"is": "routingKey", "exchange": bound, "bindingVersion": BINDING}},
    }


def reference(*path: str) -> Part:
    """Return a reference to a piece of the document."""
    return {"$ref": "#/" + "/".join(path)}


def said_of(thing: Any) -> str:
    """Return the first paragraph of a docstring that was written for this very thing."""
    text = getattr(thing, "__doc__", None) or ""
    return " ".join(inspect.cleandoc(text).partition("\n\n")[0].split())
