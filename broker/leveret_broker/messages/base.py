"""What all messages have in common, and who waits for an answer."""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from leveret_broker.address import ANSWERS, MailboxQueue, ReplyQueue, ServiceQueue


class MessageBase(msgspec.Struct, frozen=True, array_like=True, omit_defaults=True):
    """An array on the wire, with a tag: new fields go to the end and have a default."""


class ClientCaller(MessageBase, frozen=True, tag="cl"):
    """A client that waits for an `Answer` under `request`."""

    client: str
    """The name of `ANSWERS` for one that is none of ours; `request` says where it wants its JSON then."""
    request: str

    @property
    def address(self) -> ReplyQueue | ServiceQueue:
        """Where its answer goes."""
        return ANSWERS if self.client == ANSWERS.service else ReplyQueue(self.client)


class WorkflowCaller(MessageBase, frozen=True, tag="wf"):
    """A running instance that waits for the outcome of its command `number`."""

    queue: MailboxQueue
    instance: str
    run: str
    number: int
    workflow: str = ""
    method: str = ""
    sequence: int = 0
    """Which of its retries by an operator waits."""


Caller: TypeAlias = ClientCaller | WorkflowCaller
