"""Messages to a tag, and what a tag asks instances."""

from __future__ import annotations

from leveret_broker.address import MailboxQueue
from leveret_broker.messages.base import Caller, ClientCaller, MessageBase
from leveret_broker.messages.instance import Call, Cancel, CompleteTimers, RetryTasks, RetryWorkflow, Signal


class TagJoin(MessageBase, frozen=True, tag="join"):
    """Make (instance, run) a member; `firm` when sent by the instance's first turn."""

    instance: str
    run: str
    firm: bool = False


class TagLeave(MessageBase, frozen=True, tag="leave"):
    """Take (instance, run) off; also frees a unique tag that it holds."""

    instance: str
    run: str


class TagClaim(MessageBase, frozen=True, tag="claim"):
    """Start the instance if nobody holds this unique tag, else answer with the holder."""

    instance: str
    run: str
    start: bytes
    """The encoded envelope of the `Start`, sent on by the tag."""
    caller: Caller | None = None
    """Who gets a `Started` answer when the tag is taken."""
    on_conflict: str = "existing"


class TagPass(MessageBase, frozen=True, tag="pass"):
    """Pass an envelope on to an instance, behind a claim that may still be starting it."""

    instance: str
    envelope: bytes


class TagFan(MessageBase, frozen=True, tag="fan"):
    """Send a message to every member that joined before this."""

    message: Signal | Cancel | Call | RetryTasks | RetryWorkflow | CompleteTimers
    caller: ClientCaller | None = None
    """Who gets `Fanned` when the last page is out."""


class TagMembers(MessageBase, frozen=True, tag="members"):
    """Answer with a `MembersPage`."""

    caller: ClientCaller
    after: int = 0
    """Join number after which the page begins."""
    limit: int = 1000


class TagProbed(MessageBase, frozen=True, tag="probed"):
    """An instance's answer to the question whether this run exists."""

    instance: str
    run: str
    known: bool


class Probe(MessageBase, frozen=True, tag="probe"):
    """A tag asks an instance's mailbox whether the run exists; answered with `TagProbed`."""

    queue: MailboxQueue
    tag: str
    run: str
