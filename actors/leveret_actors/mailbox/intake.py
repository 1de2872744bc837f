"""Deliveries and due timers, grouped into one inbox per actor."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from leveret_actors.actor import Inbox
from leveret_broker.envelope import Wake, decode
from leveret_broker.errors import DecodeError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from leveret_actors.store.contract import Timer
    from leveret_broker.transport import Delivery


@dataclass(slots=True)
class Intake:
    """What one batch takes in."""

    deliveries: list[Delivery] = field(default_factory=list["Delivery"])
    """Acknowledged together once the batch is committed."""
    inboxes: dict[str, Inbox] = field(default_factory=dict[str, Inbox])
    unreadable: list[tuple[bytes, str]] = field(default_factory=list[tuple[bytes, str]])
    """Bodies that are not envelopes, each with the reason: dead letters."""
    suspects: set[str] = field(default_factory=set[str])
    """Actors whose messages an earlier owner may have died of."""

    def inbox(self, actor: str) -> Inbox:
        """Return the actor's inbox, made when first asked for."""
        found = self.inboxes.get(actor)
        if found is None:
            found = self.inboxes[actor] = Inbox(actor)
        return found

    def add_delivery(self, delivery: Delivery) -> None:
        """Sort a delivery's envelopes into the inboxes."""
        self.deliveries.append(delivery)
        for body in delivery.bodies:
            try:
                envelope = decode(body)
            except DecodeError as error:
                self.unreadable.append((body, str(error)))
                continue
            if isinstance(envelope.message, Wake):
                continue
            self.inbox(envelope.actor).envelopes.append(envelope)
            if delivery.redelivered:
                self.suspects.add(envelope.actor)

    def add_timers(self, timers: Iterable[Timer], *, suspect: bool) -> None:
        """Sort due timers into the inboxes."""
        for timer in timers:
            self.inbox(timer.actor).timers.append(timer)
            if suspect:
                self.suspects.add(timer.actor)


class AtHand:
    """Deliveries taken from the subscription and not yet in a batch."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._deliveries: deque[Delivery] = deque()

    def __bool__(self) -> bool:
        """Tell whether there is anything."""
        return bool(self._deliveries)

    def extend(self, deliveries: Iterable[Delivery]) -> None:
        """Add what was just taken."""
        self._deliveries.extend(deliveries)

    def fill(self, intake: Intake, limit: int) -> None:
        """Move deliveries into `intake` until it holds about `limit` envelopes; always at least one delivery."""
        count = 0
        while self._deliveries and (count == 0 or count + len(self._deliveries[0].bodies) <= limit):
            delivery = self._deliveries.popleft()
            count += max(1, len(delivery.bodies))
            intake.add_delivery(delivery)
