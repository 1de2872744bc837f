"""What all mailbox loops of a node share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from loguru import logger

if TYPE_CHECKING:
    from collections.abc import Iterable

    from leveret.events import Event, Listener
    from leveret_actors.mailbox.cache import ActorCache
    from leveret_actors.mailbox.directory import Directory
    from leveret_actors.mailbox.stepper import Stepper
    from leveret_actors.settings import Settings
    from leveret_actors.store.contract import Store
    from leveret_broker.transport import Transport


@dataclass(frozen=True, slots=True)
class Host:
    """One node, seen from its mailbox loops."""

    node: str
    info: dict[str, str]
    """What the node tells of itself with each sign of life."""
    transport: Transport
    store: Store
    stepper: Stepper
    cache: ActorCache
    directory: Directory
    settings: Settings
    listeners: tuple[Listener, ...] = ()

    def tell(self, events: Iterable[Event]) -> None:
        """Tell the listeners what happened; what they raise is theirs."""
        for event in events:
            for listener in self.listeners:
                try:
                    listener(event)
                except Exception:
                    logger.opt(exception=True).error("a listener failed at {} of {}", event.name, event.id)
