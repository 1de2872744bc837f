"""Leases: what a node may rely on about tasks that the store keeps in place of the broker.

* A task has at most one lease. It speaks of one life of the task (`sequence`), one attempt of it, after so many deaths;
  what is later in this order takes the place of what is earlier, never the other way round.
* Every change names what it found; one that finds something else changes nothing. Repeating a change whose answer was
  lost succeeds.
* A lease that is over its time stays until somebody claims it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Final

import msgspec

from leveret_broker.ids import sequence_key

RUNNING: Final = "running"
"""A worker runs the task, and renews the lease."""
DELEGATED: Final = "delegated"
"""The function returned; somebody else completes the task."""
FINISHED: Final = "finished"
"""What follows is in `parcel`; it has to be sent before the lease may go."""
GONE: Final = "gone"
"""What is said of a lease that is not there, or in other hands."""
ENDED: Final = frozenset({"completed", "failed", "cancelled", "timed_out"})
"""The task is over and its caller was told; kept for a while, for whoever asks or comes late."""


class Lease(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """A task that the store keeps."""

    task: str
    """Task id."""
    service: str
    name: str
    """Of the function."""
    sequence: int
    """How many times an operator had the whole task retried."""
    attempt: int
    deaths: int = 0
    """Workers that died with this attempt under a lease."""
    status: str = RUNNING
    holder: str = ""
    """Who renews it; empty when nobody has to."""
    until: float = 0.0
    """When it is over; what a caller gives here is ignored."""
    body: bytes = b""
    """The task's envelope; empty once it is over."""
    parcel: bytes = b""
    """Of a finished one: an encoded `Outgoing`."""
    progress: bytes = b""
    """What the running attempt said last of how far it has come: a payload, or nothing."""

    @property
    def order(self) -> tuple[int, int, int]:
        """What is later takes the place of what is earlier."""
        return self.sequence, self.attempt, self.deaths

    @property
    def life(self) -> str:
        """What names this life of the task."""
        return sequence_key(self.task, self.sequence)

    def is_like(self, other: Lease) -> bool:
        """Tell whether both are the same lease in the same state."""
        return (self.order, self.holder, self.status) == (other.order, other.holder, other.status)

    def blocks(self, wanted: Lease) -> bool:
        """Tell whether it stands in the way of `wanted`."""
        return self.order > wanted.order or (self.order == wanted.order and not self.is_like(wanted))


class Renewal(msgspec.Struct, frozen=True):
    """A running lease that its holder goes on with."""

    task: str
    order: tuple[int, int, int]
    progress: bytes | None = None
    """To be kept from now on; None leaves what is there."""

    def lost(self, found: Lease | None, holder: str) -> str:
        """Return what became of the lease if `holder` does not have it any more, else nothing."""
        if found is None or found.order != self.order:
            return GONE
        if found.status != RUNNING:
            return found.status
        return "" if found.holder == holder else GONE


class LeaseStore(ABC):
    """The part of the store that keeps tasks."""

    @abstractmethod
    async def hold(self, leases: Sequence[Lease], seconds: float) -> list[Lease | None]:
        """Take these leases for `seconds`; return for each None, or what stands in its way.

        In the way of a lease is one that is later, or as late and another's, over its time or not.
        """

    @abstractmethod
    async def renew(self, holder: str, renewals: Sequence[Renewal], seconds: float) -> list[str]:
        """Keep running leases for another `seconds`.

        Return for each an empty text, or what became of one that is not the holder's any more: its status, or `gone`.
        """

    @abstractmethod
    async def replace(self, old: Lease, new: Lease | None, seconds: float) -> bool:
        """Put `new` in the place of `old` for `seconds`, or take it off; False when `old` is not there like that."""

    @abstractmethod
    async def claim_expired(self, holder: str, seconds: float, limit: int) -> list[Lease]:
        """Give at most `limit` leases that are over their time to `holder` for `seconds`, and return them.

        Those of tasks that have ended vanish instead, and keep none of the others: nothing means that there is nothing.
        """

    @abstractmethod
    async def find_leases(self, tasks: Sequence[str]) -> list[Lease | None]:
        """Return the leases of these tasks, over their time or not."""

    @abstractmethod
    async def leases(self, after: str, limit: int) -> list[Lease]:
        """Return a page of all leases, by task id, the first above `after`, without their bodies and parcels."""
