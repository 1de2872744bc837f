"""What all mailbox loops of a node share."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from leveret_actors.mailbox.quiet import Quiet

if TYPE_CHECKING:
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
    quiet: Quiet = field(default_factory=Quiet)
