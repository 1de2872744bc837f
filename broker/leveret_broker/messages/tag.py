"""Messages to a tag, and what a tag asks instances."""

from __future__ import annotations

from typing import Final

from leveret_broker.address import MailboxQueue
from leveret_broker.messages.base import Caller, ClientCaller, MessageBase, WorkflowCaller
from leveret_broker.messages.instance import Call, Cancel, CompleteTimers, RetryTasks, RetryWorkflow, Signal
from leveret_broker.messages.service import SettleTask

BEGINS_NOTHING: Final = 0
"""Number of the leave that takes back the joins of a start which began no run; the same start may begin one later."""

FOR_GOOD: Final = 2**32 - 1
"""Number of the leave at the end of a run."""


class TagJoin(MessageBase, frozen=True, tag="join"):
    """Make (instance, run) a member; `firm` when sent by the instance itself."""

    instance: str
    run: str
    firm: bool = False
    number: int = 0
    """Rises with each join and leave that a run asks for by its code: after a leave, lower ones are late copies."""
    caller: WorkflowCaller | None = None
    """Who is told that it is done."""


class TagLeave(MessageBase, frozen=True, tag="leave"):
    """Take (instance, run) off; also frees a unique tag that it holds."""

    instance: str
    run: str
    number: int = FOR_GOOD
    """As of `TagJoin`; also `BEGINS_NOTHING`."""
    caller: WorkflowCaller | None = None
    """Who is told that it is done."""


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

    message: Signal | Cancel | Call | RetryTasks | RetryWorkflow | CompleteTimers | SettleTask
    caller: Caller | None = None
    """Who is told how many it was sent to, when the last page is out."""


class Hold(MessageBase, frozen=True, tag="hold"):
    """Send a signal to who may not be there yet: again and again, in order, until somebody takes it or time is up."""

    kind: str
    """Of the receiver: a workflow, or `TAGS`."""
    key: str
    """The receiver's actor key."""
    message: Signal | TagFan
    seconds: float
    """From its arrival on; then it is a dead letter."""


class TagMembers(MessageBase, frozen=True, tag="members"):
    """Answer with a `MembersPage`."""

    caller: ClientCaller
    after: int = 0
    """Join number after which the page begins."""
    limit: int = 1000


class TagProbed(MessageBase, frozen=True, tag="probed"):
    """An instance's answer to the question whether this run carries the tag."""

    instance: str
    run: str
    known: bool
    number: int = 0
    """Join number, as the question had it: about a member with another one the answer says nothing."""


class Probe(MessageBase, frozen=True, tag="probe"):
    """A tag asks an instance's mailbox whether the run is open and carries it; answered with `TagProbed`."""

    queue: MailboxQueue
    tag: str
    run: str
    service: str = ""
    """Not empty: the tag is one of this service's tasks, and the question is whether `task` can be reached."""
    task: str = ""
    number: int = 0
    """Join number, for the answer."""
