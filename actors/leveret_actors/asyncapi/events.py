"""The channels of a node's events: one for each workflow and service, with the type as the last word of its keys."""

from __future__ import annotations

from collections.abc import Sequence

from leveret_actors.asyncapi.parts import BINDING, Part, channel, reference
from leveret_actors.asyncapi.types import Schemas
from leveret_actors.asyncapi.wire import EVENTS, event_body
from leveret_broker.rabbitmq.publisher import EVENT_TYPE
from leveret_broker.topics import matches


class Events:
    """Collects channels, operations, and the messages that they share."""

    def __init__(self, schemas: Schemas, exchange: str, vhost: str, published: Sequence[str]) -> None:
        """Say of each channel which of its events the settings (`published`, patterns of routing keys) publish."""
        self._schemas = schemas
        self._exchange = exchange
        self._vhost = vhost
        self._published = published
        self.channels: Part = {}
        self.operations: Part = {}
        self.messages: Part = {}

    def add(self, family: str, name: str) -> None:
        """Add what happens to a workflow, or to a service's tasks: `family` says which."""
        types = list(EVENTS[family])
        key = f"{family}.{name}"
        self.messages |= {
            message: self._message(family, one) for one in types if (message := f"{family}.{one}") not in self.messages
        }
        self.channels[key] = channel(
            f"{key}.{{type}}",
            self._exchange,
            self._vhost,
            {one: reference("components", "messages", f"{family}.{one}") for one in types},
            description=self._which(key, types),
            parameters={"type": {"enum": types, "description": "Of the event."}},
        )
        self.operations[key] = {
            "action": "send",
            "channel": reference("channels", key),
            "bindings": {"amqp": {"deliveryMode": 2, "mandatory": False, "bindingVersion": BINDING}},
        }

    def _message(self, family: str, name: str) -> Part:
        return {
            "name": f"leveret.{family}.{name}",
            "title": f"{family} {name}",
            "contentType": EVENT_TYPE,
            "payload": event_body(self._schemas, family, name),
        }

    def _which(self, key: str, types: Sequence[str]) -> str:
        told = [one for one in types if any(matches(pattern, f"{key}.{one}") for pattern in self._published)]
        always = "all" if len(told) == len(types) else ", ".join(told) or "none"
        return f"CloudEvents. Published by the settings: {always}; others when a registered listener wants them."
