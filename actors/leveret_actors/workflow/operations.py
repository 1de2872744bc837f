"""The commands of a run and what becomes of them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any, Final, NamedTuple, TypeAlias

from leveret.calls import CancelCall, ChildCall, MethodCall, Receive, SignalCall, TagCall, TaskCall, VerbCall
from leveret_actors.workflow.asking import asking
from leveret_actors.workflow.bounds import due_time
from leveret_actors.workflow.journal import Child, Command, SignalAccepted
from leveret_actors.workflow.loop import DurableHandle, LoopFuture, WorkflowLoop
from leveret_broker.codec import Codec, Payload
from leveret_broker.outcome import Failure, Outcome

TASK = "task"
TIMER = "timer"
RECEIVE = "receive"
INLINE = "inline"
CHILD = "child"
CALL = "call"
SIGNAL = "signal"
CANCEL = "cancel"
VERB = "verb"
ADD_TAG = "add_tag"
REMOVE_TAG = "remove_tag"
PATCH = "patch"
DEPRECATED_PATCH = "deprecated_patch"

TAGGING = frozenset({ADD_TAG, REMOVE_TAG})
"""Kinds that hold as soon as they are asked for; the answer says that everybody knows."""
ANSWERED = frozenset({TASK, CHILD, CALL, VERB}) | TAGGING
"""Kinds whose outcome comes as a message."""
REFUSABLE = frozenset({VERB}) | TAGGING
"""Kinds that may be answered with a refusal."""
RUNNING = frozenset({TASK, CHILD})
"""Kinds that run elsewhere and are cancelled there."""
PATCHES = frozenset({PATCH, DEPRECATED_PATCH})
"""Kinds that only mark what the run was told; they have no number."""

Wanted: TypeAlias = TaskCall | Receive | ChildCall | MethodCall | SignalCall | CancelCall | VerbCall | TagCall
"""What a command is about."""

RETRYABLE: Final = 1000
"""Tasks and children that ended without a value which an instance remembers, so that they can be retried."""


class Arrived(NamedTuple):
    """A signal in a channel."""

    order: int
    """In which the channel accepted it."""
    value: Any
    event: SignalAccepted


class OperationFuture(LoopFuture[Any]):
    """The future of a command; cancelling it cancels the command."""

    withdraw: Callable[[], None]

    def cancel(self, msg: Any = None) -> bool:
        """Cancel the command, unless it has ended."""
        if not super().cancel(msg):
            return False
        self.withdraw()
        return True


class Operation:
    """One command: `leveret.runtime.Operation`, and what the engine knows beside."""

    __slots__ = (
        "call",
        "child",
        "due",
        "future",
        "got",
        "handle",
        "kind",
        "left",
        "line",
        "method",
        "name",
        "number",
        "outcome",
        "reason",
        "sequence",
        "since",
        "status",
        "value",
        "void",
    )  # fmt: skip

    future: OperationFuture

    def __init__(self, number: int, kind: str, name: str) -> None:
        """Describe a command that has just been asked for."""
        self.number = number
        self.kind = kind
        self.name = name
        self.status = "ongoing"
        self.call: Wanted | None = None
        self.child: Child | None = None
        """Whom it starts."""
        self.due = 0.0
        """When its durable timer fires; 0 is none."""
        self.handle: DurableHandle | None = None
        """For timers that asyncio asked for."""
        self.left = False
        """The turn that asked for it is over."""
        self.void = False
        """Cancelled before its turn was over: it never existed."""
        self.value: Payload | Failure | None = None
        self.got: list[Arrived] = []
        """The signals that a receiver has got; empty once they were given back."""
        self.method = asking()
        """The id of the method that asked for it."""
        self.sequence = 0
        """How many times an operator had it sent again."""
        self.since = 0.0
        """When it was asked for, or last sent again."""
        self.outcome: Outcome | None = None
        """How it ended, where an operator may want to know."""
        self.line = ""
        """Where in the user's code; known while replaying."""
        self.reason = ""
        """Why it is not wanted any more, as far as somebody said."""

    def command(self, codec: Codec, *, strict: bool) -> Command:
        """Return what the journal keeps."""
        digest = b""
        if strict and isinstance(self.call, TaskCall | ChildCall | MethodCall):
            digest = hashlib.blake2b(codec.unwrap(self.call.arguments), digest_size=8).digest()
        elif strict and isinstance(self.call, SignalCall):
            digest = hashlib.blake2b(codec.unwrap(self.call.value), digest_size=8).digest()
        elif strict and isinstance(self.call, VerbCall):
            digest = hashlib.blake2b(repr((self.call.tasks, self.call.method)).encode(), digest_size=8).digest()
        return Command(self.kind, self.number, self.name, digest, self.value, self.child)


class Operations:
    """All commands of a run that have not ended, and what this turn changed."""

    def __init__(self, loop: WorkflowLoop) -> None:
        """Begin with none."""
        self._loop = loop
        self.last = 0
        self.pending: dict[int, Operation] = {}
        self.ended: dict[int, Operation] = {}
        """Tasks and children that ended without a value, the last ones: they can be retried."""
        self.refused = False
        """The instance is being dropped: what code asks for now gets a future that never ends."""
        self.on_cancelled: Callable[[Operation], None] = lambda _: None
        self.issued: list[Operation] = []
        self.withdrawn: list[Operation] = []
        """Tasks and children to be cancelled where they run."""
        self.untagged: list[Operation] = []
        """Tagged tasks that nobody can retry any more."""
        self.unset: list[int] = []
        """Durable timers to be removed."""

    def open(self, kind: str, name: str, *, call: Wanted | None = None, due: float = 0.0) -> Operation:
        """Return a new command with a future."""
        operation = self._new(kind, name)
        operation.call, operation.due = call, due
        self._promise(operation)
        return operation

    def _promise(self, operation: Operation) -> None:
        operation.future = OperationFuture(loop=self._loop)
        operation.future.withdraw = lambda: self.cancel(operation)

    def reopen(self, number: int) -> None:
        """Begin the next life of a task or child: pending again, for whoever awaits it from now on."""
        operation = self.pending.get(number) or self.ended.pop(number, None)
        if operation is None or operation.kind not in RUNNING:
            return
        if number not in self.pending:
            self.pending[number] = operation
            operation.status, operation.outcome = "ongoing", None
            self._promise(operation)
        operation.sequence += 1
        operation.since = self._loop.clock
        if isinstance(operation.call, TaskCall) and operation.call.timeout > 0:
            operation.due = due_time(self._loop.clock + operation.call.timeout)

    def open_handle(self, handle: DurableHandle, due: float) -> Operation:
        """Return a new timer that runs `handle`."""
        operation = self._new(TIMER, "")
        operation.handle, operation.due = handle, due
        return operation

    def note(
        self, kind: str, value: Payload | Failure | None, *, name: str = "", call: Wanted | None = None
    ) -> Operation:
        """Return a command that has ended already."""
        operation = self._new(kind, name)
        operation.value, operation.call = value, call
        operation.status = "completed"
        self.pending.pop(operation.number, None)
        return operation

    def mark(self, kind: str, name: str) -> Operation:
        """Return a marker: journalled like a command, without a number."""
        operation = Operation(0, kind, name)
        operation.status = "completed"
        self.issued.append(operation)
        return operation

    def _new(self, kind: str, name: str) -> Operation:
        if self.refused:
            return Operation(0, kind, name)
        self.last += 1
        operation = Operation(self.last, kind, name)
        operation.since = self._loop.clock
        self.pending[self.last] = operation
        self.issued.append(operation)
        return operation

    def end(self, operation: Operation, status: str, *, fired: bool = False, withdraw: bool = False) -> bool:
        """Take a command off; False when it was off already. The caller settles its future.

        `fired`: by its own durable timer. `withdraw`: it has not ended and shall be cancelled where it runs.
        """
        if self.pending.pop(operation.number, None) is None:
            return False
        operation.status = status
        if operation.handle is None:
            operation.future.withdraw = _nothing  # cuts the circle of operation and future
        if operation.due and operation.left and not fired:
            self.unset.append(operation.number)
        if withdraw and operation.kind in RUNNING and operation.left:
            self.withdrawn.append(operation)
        if operation.kind in RUNNING and operation.left and status != "completed":
            self.ended[operation.number] = operation
            if len(self.ended) > RETRYABLE:
                self._untag(self.ended.pop(next(iter(self.ended))))
        elif operation.left:
            self._untag(operation)
        return True

    def _untag(self, operation: Operation) -> None:
        if isinstance(operation.call, TaskCall) and operation.call.tags:
            self.untagged.append(operation)

    def cancel(self, operation: Operation) -> None:
        """Take back a command that the code does not want any more; one that has ended stays as it is."""
        if self.end(operation, "cancelled", withdraw=True):
            operation.void = not operation.left and operation.kind not in TAGGING
            self.on_cancelled(operation)

    def take_issued(self) -> list[Operation]:
        """Return this turn's commands, in order of their numbers: from now on they have left."""
        issued = [operation for operation in self.issued if not operation.void]
        for operation in issued:
            operation.left = True
        self.issued = []
        return issued

    def take_untagged(self) -> list[Operation]:
        """Return the tasks that leave their tags."""
        untagged, self.untagged = self.untagged, []
        return untagged

    def take_back(self) -> tuple[list[Operation], list[int]]:
        """Return the tasks and children to cancel and the durable timers to remove."""
        result = self.withdrawn, self.unset
        self.withdrawn, self.unset = [], []
        return result


def _nothing() -> None:
    """Stand for the withdrawal of what has ended."""
