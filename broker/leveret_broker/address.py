"""Where an envelope can go."""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

import msgspec

TAGS: Final = "@tag"
"""The mailbox kind of tag actors; no workflow can have this name."""
LISTENER: Final = "@listener."
"""Before the name of a listener group, where it must not be taken for something else."""
BRIDGE: Final = "bridge "
"""Before the name of a bridge, where it must not be taken for something else."""


Priority: TypeAlias = Literal["high", "normal", "low"]
"""How soon a task begins, beside others of its service."""
NORMAL: Final[Priority] = "normal"
PRIORITIES: Final[tuple[Priority, ...]] = ("high", NORMAL, "low")


class MailboxQueue(msgspec.Struct, frozen=True, array_like=True, tag="m"):
    """One of the mailbox queues of a workflow type (or of the tags): ordered, one active consumer."""

    kind: str
    """The workflow's name, or TAGS."""
    index: int
    """0 to N-1, where N is the kind's count in the namespace record."""

    def __str__(self) -> str:
        """Return `<kind>.<index>`, the last two words of the queue's name."""
        return f"{self.kind}.{self.index}"


class ServiceQueue(msgspec.Struct, frozen=True, array_like=True, omit_defaults=True, tag="s"):
    """The queue of a service, for one priority: competing consumers, no order.

    That for `normal` is declared by whoever sends to it, the others only by workers.
    """

    service: str
    priority: Priority = NORMAL

    def __str__(self) -> str:
        """Return the last words of the queue's name: no service can have an @ in its own."""
        return self.service if self.priority == NORMAL else f"{self.service}@{self.priority}"


def service_of(queue: str) -> str:
    """Return the service whose queue has this `str()`, which is what dead letters name as their source."""
    service, _, priority = queue.rpartition("@")
    return service if service and priority in PRIORITIES else queue


class ReplyQueue(msgspec.Struct, frozen=True, array_like=True, tag="r"):
    """The private queue of one client: gone with the client, so bodies for it may be lost without an error."""

    client: str


class ControlExchange(msgspec.Struct, frozen=True, array_like=True, tag="c"):
    """Every node of the namespace, at most once each, nothing durable."""


class DeadLetterQueue(msgspec.Struct, frozen=True, array_like=True, tag="d"):
    """What nobody could handle, on its way into the store."""


class EventTopic(msgspec.Struct, frozen=True, array_like=True, tag="e"):
    """Every listener group that has bound a pattern which matches the key; nobody may be there."""

    key: str
    """Words with dots between them, as `workflow.Booking.completed`."""
    lane: str = ""
    """What one sender publishes in a lane stays in order."""


class ListenerQueue(msgspec.Struct, frozen=True, array_like=True, tag="l"):
    """The queue of a listener group: one active consumer, in order; kept while nobody listens."""

    group: str

    def __str__(self) -> str:
        """Return `@listener.<group>`, which no service or mailbox is called."""
        return f"{LISTENER}{self.group}"


class BridgeQueue(msgspec.Struct, frozen=True, array_like=True, tag="b"):
    """The queue of our own that a bridge has bound to an exchange of others."""

    bridge: str

    def __str__(self) -> str:
        """Return what the dead letters of a bridge have as their source."""
        return f"{BRIDGE}{self.bridge}"


class CommandExchange(msgspec.Struct, frozen=True, array_like=True, tag="k"):
    """Where applications publish JSON; bodies are encoded `RawCommand`s."""

    routing_key: str = ""
    """Empty, except inside a transport: that of the `RawCommand` counts."""

    def __str__(self) -> str:
        """Return the name by which its dead letters tell where they were found."""
        return "commands"


class ForeignQueue(msgspec.Struct, frozen=True, array_like=True, tag="f"):
    """A queue that is none of ours, for JSON; nobody may be there."""

    queue: str
    correlation: str = ""
    """Given back as `correlation_id`."""


CONTROL: Final = ControlExchange()
COMMANDS: Final = CommandExchange()
COMMAND_QUEUE: Final = MailboxQueue("@commands", 0)
"""Where commands wait on embedded transports; no workflow can have this name."""
DEAD_LETTERS: Final = DeadLetterQueue()
ANSWERS: Final = ServiceQueue("@answers")
"""Answers to who is no client of ours, kept until a router has turned them into JSON; no service can have this name."""

Address: TypeAlias = (
    MailboxQueue
    | ServiceQueue
    | ReplyQueue
    | ControlExchange
    | DeadLetterQueue
    | EventTopic
    | ListenerQueue
    | CommandExchange
    | ForeignQueue
)
