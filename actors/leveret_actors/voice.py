"""What one workflow, or one service, says: which types, and as what messages."""

from __future__ import annotations

from collections.abc import Callable

from leveret.cloud_events import encode, key_of, subject_of
from leveret.events import Event
from leveret_broker.address import EventTopic


class Voice:
    """Turns the events of one workflow or service into messages."""

    def __init__(self, types: Callable[[], frozenset[str]], name: str, namespace: str) -> None:
        self._types = types
        self._name = name
        self._namespace = namespace

    @property
    def types(self) -> frozenset[str]:
        """The types of events that are to be published now."""
        return self._types()

    def message(self, event: Event) -> tuple[EventTopic, bytes]:
        """Return where an event goes, and its body; those of one subject stay in order."""
        return EventTopic(key_of(event), f"{self._name}/{subject_of(event)}"), encode(event, self._namespace)
