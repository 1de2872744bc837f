"""What an instance asks of other instances: commands like tasks, and sends that end as soon as they are issued."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Sequence

from leveret.calls import CancelCall, ChildCall, MethodCall, SignalCall, TagCall, VerbCall
from leveret.definition import WorkflowDefinition
from leveret.errors import ArgumentMismatch
from leveret.interceptors import WorkflowInterceptor
from leveret.labels import TAGS_LIMIT, checked_tag
from leveret.runtime import Info
from leveret_actors.workflow import operations as ops
from leveret_actors.workflow.children import child_of, refuse_self
from leveret_actors.workflow.intercepting import (
    call_issued,
    cancel_issued,
    child_issued,
    signal_issued,
    tag_issued,
    verb_issued,
)
from leveret_actors.workflow.journal import Begun
from leveret_actors.workflow.operations import Operation, Operations


class Outward(ABC):
    """The part of `leveret.runtime.Runtime` that reaches other instances."""

    key: str
    definition: WorkflowDefinition
    operations: Operations
    begun: Begun
    claimed: dict[tuple[str, str], str]
    """Children whose start goes through a unique tag, which all other messages to them must not overtake."""

    interceptors: tuple[WorkflowInterceptor, ...]

    @abstractmethod
    def info(self) -> Info:
        """Tell who runs."""

    @abstractmethod
    def carries(self, tags: frozenset[str]) -> None:
        """Have these tags from now on."""

    @abstractmethod
    def located(self, operation: Operation) -> Operation:
        """Note the line of user code that asks."""

    def start_child(self, call: ChildCall) -> Operation:
        """Start a workflow."""
        if self.interceptors:
            call = child_issued(self, call)
        refuse_self(self.begun, self.definition.name, self.key, call)
        plan = call.plan
        operation = self.located(self.operations.open(ops.CHILD, f"{plan.workflow}.{call.method}", call=call))
        operation.child = child_of(self.begun.run, operation.number, call)
        if plan.unique_tag:
            self.claimed[plan.workflow, operation.child.instance] = plan.unique_tag
        return operation

    def call_method(self, call: MethodCall) -> Operation:
        """Run a method of another instance; by tag nothing comes back."""
        if self.interceptors:
            call = call_issued(self, call)
        operation = self.located(self.operations.open(ops.CALL, f"{call.target.workflow}.{call.method}", call=call))
        if call.target.tag:
            self.operations.end(operation, "completed")
            operation.future.set_result(None)
        return operation

    def send_signal(self, call: SignalCall) -> Operation:
        """Send a signal."""
        if self.interceptors:
            call = signal_issued(self, call)
        return self._note(ops.SIGNAL, f"{call.target.workflow}.{call.channel}", call)

    def cancel_target(self, call: CancelCall) -> Operation:
        """Ask an instance to cancel."""
        if self.interceptors:
            call = cancel_issued(self, call)
        return self._note(ops.CANCEL, call.target.workflow, call)

    def ask_verb(self, call: VerbCall) -> Operation:
        """Have an operator's verb carried out."""
        if self.interceptors:
            call = verb_issued(self, call)
        return self.located(self.operations.open(ops.VERB, f"{call.target.workflow}.{call.verb}", call=call))

    def change_tags(self, calls: Sequence[TagCall]) -> list[Operation]:
        """Carry tags, or not any more: the code sees it at once."""
        if self.interceptors:
            calls = [tag_issued(self, call) for call in calls]
            for call in calls:
                checked_tag(self.definition.name, call.tag)
        info = self.info()
        carried = after_change(self.definition.name, info.tags, self.begun.unique_tag, calls)
        if not self.operations.refused:
            self.carries(carried)
        kinds = [ops.REMOVE_TAG if call.remove else ops.ADD_TAG for call in calls]
        return [self.located(self.operations.open(kind, call.tag, call=call)) for kind, call in zip(kinds, calls)]

    def _note(self, kind: str, name: str, call: SignalCall | CancelCall) -> Operation:
        if self.operations.refused:
            raise asyncio.CancelledError
        return self.located(self.operations.note(kind, None, name=name, call=call))


def after_change(workflow: str, carried: frozenset[str], unique_tag: str, calls: Sequence[TagCall]) -> frozenset[str]:
    """Return the tags that an instance carries after changes; raises `ArgumentMismatch` for what may not be."""
    removed = {call.tag for call in calls if call.remove}
    if unique_tag in removed:
        raise ArgumentMismatch(f"{workflow}: the unique tag {unique_tag!r} stays until the instance ends")
    after = (carried - removed) | {call.tag for call in calls if not call.remove}
    if len(after) > max(TAGS_LIMIT, len(carried)):
        raise ArgumentMismatch(
            f"{workflow}: {len(after)} tags are too many, the limit is {TAGS_LIMIT}: use meta instead"
        )
    return after
