"""Where an envelope can go."""

from __future__ import annotations

from typing import Final, TypeAlias

import msgspec

TAGS: Final = "@tag"
"""The mailbox kind of tag actors; no workflow can have this name."""


class MailboxQueue(msgspec.Struct, frozen=True, array_like=True, tag="m"):
    """One of the mailbox queues of a workflow type (or of the tags): ordered, one active consumer."""

    kind: str
    """The workflow's name, or TAGS."""
    index: int
    """0 to N-1, where N is the kind's count in the namespace record."""

    def __str__(self) -> str:
        """Return `<kind>.<index>`, the last two words of the queue's name."""
        return f"{self.kind}.{self.index}"


class ServiceQueue(msgspec.Struct, frozen=True, array_like=True, tag="s"):
    """The queue of a service: competing consumers, no order."""

    service: str

    def __str__(self) -> str:
        """Return the service's name."""
        return self.service


class ReplyQueue(msgspec.Struct, frozen=True, array_like=True, tag="r"):
    """The private queue of one client: gone with the client, so bodies for it may be lost without an error."""

    client: str


class ControlExchange(msgspec.Struct, frozen=True, array_like=True, tag="c"):
    """Every node of the namespace, at most once each, nothing durable."""


class DeadLetterQueue(msgspec.Struct, frozen=True, array_like=True, tag="d"):
    """What nobody could handle, on its way into the store."""


CONTROL: Final = ControlExchange()
DEAD_LETTERS: Final = DeadLetterQueue()

Address: TypeAlias = MailboxQueue | ServiceQueue | ReplyQueue | ControlExchange | DeadLetterQueue
